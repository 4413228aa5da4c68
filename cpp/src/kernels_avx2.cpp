#define KERNELS_NAMESPACE avx2
#define KERNELS_LANES 4
#include "kernels_body.h"

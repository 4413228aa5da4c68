#define KERNELS_NAMESPACE avx512
#define KERNELS_LANES 8
#include "kernels_body.h"

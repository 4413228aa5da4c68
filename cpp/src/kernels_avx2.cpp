#define KERNELS_NAMESPACE avx2
#include "kernels_body.h"

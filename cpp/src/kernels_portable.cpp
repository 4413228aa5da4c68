#define KERNELS_NAMESPACE portable
#define KERNELS_LANES 4
#include "kernels_body.h"

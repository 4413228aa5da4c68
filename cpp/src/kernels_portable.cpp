#define KERNELS_NAMESPACE portable
#include "kernels_body.h"

#include "synthetic_focus/kernels.h"

namespace synthetic_focus {

namespace portable {
extern const Kernels<4> kOpaque;
extern const Kernels<8> kWithAlpha;
}  // namespace portable

#if defined(SYNTHETIC_FOCUS_AVX2)
namespace avx2 {
extern const Kernels<4> kOpaque;
extern const Kernels<8> kWithAlpha;
}  // namespace avx2

namespace {
bool has_avx2() {
    static const bool has = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    return has;
}
}  // namespace

template <>
const Kernels<4>& kernels<4>() {
    return has_avx2() ? avx2::kOpaque : portable::kOpaque;
}
template <>
const Kernels<8>& kernels<8>() {
    return has_avx2() ? avx2::kWithAlpha : portable::kWithAlpha;
}
#else
template <>
const Kernels<4>& kernels<4>() {
    return portable::kOpaque;
}
template <>
const Kernels<8>& kernels<8>() {
    return portable::kWithAlpha;
}
#endif

}  // namespace synthetic_focus

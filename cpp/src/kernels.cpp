#include "synthetic_focus/kernels.h"

namespace synthetic_focus {

namespace portable {
extern const Kernels<2> kOneColour;
extern const Kernels<4> kOpaque;
extern const Kernels<8> kWithAlpha;
}  // namespace portable

#if defined(SYNTHETIC_FOCUS_X86)
namespace avx2 {
extern const Kernels<2> kOneColour;
extern const Kernels<4> kOpaque;
extern const Kernels<8> kWithAlpha;
}  // namespace avx2
namespace avx512 {
extern const Kernels<2> kOneColour;
extern const Kernels<4> kOpaque;
extern const Kernels<8> kWithAlpha;
}  // namespace avx512

namespace {
enum class Instructions { kPortable, kAvx2, kAvx512 };
Instructions instructions() {
    static const Instructions best = [] {
        if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) {
            return Instructions::kPortable;
        }
        const bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                          __builtin_cpu_supports("avx512dq");
        return wide ? Instructions::kAvx512 : Instructions::kAvx2;
    }();
    return best;
}

template <int N>
const Kernels<N>& choose(const Kernels<N>& portable, const Kernels<N>& with_avx2,
                         const Kernels<N>& with_avx512) {
    switch (instructions()) {
        case Instructions::kAvx512:
            return with_avx512;
        case Instructions::kAvx2:
            return with_avx2;
        case Instructions::kPortable:
            break;
    }
    return portable;
}
}  // namespace

template <>
const Kernels<2>& kernels<2>() {
    return choose(portable::kOneColour, avx2::kOneColour, avx512::kOneColour);
}
template <>
const Kernels<4>& kernels<4>() {
    return choose(portable::kOpaque, avx2::kOpaque, avx512::kOpaque);
}
template <>
const Kernels<8>& kernels<8>() {
    return choose(portable::kWithAlpha, avx2::kWithAlpha, avx512::kWithAlpha);
}
#else
template <>
const Kernels<2>& kernels<2>() {
    return portable::kOneColour;
}
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

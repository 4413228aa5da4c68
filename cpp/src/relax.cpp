#include "synthetic_focus/relax.h"

#include <array>
#include <cstddef>
#include <vector>

namespace synthetic_focus {
namespace {

// Near the best for bands of some thirty pixels.
constexpr float kOverRelaxation = 1.7f;

struct Node {
    std::ptrdiff_t place;
    std::array<float, 4> ties;  // left, right, above, below; divided by the sum of all
    float anchor;               // pull times prior, divided likewise
};

}  // namespace

void relax(const Net& net, int sweeps, float* values) {
    const std::ptrdiff_t width = net.width;
    std::vector<Node> nodes;
    for (int y = 0; y < net.height; ++y) {
        for (int x = 0; x < net.width; ++x) {
            const std::ptrdiff_t i = y * width + x;
            if (net.free[i] == 0) continue;
            std::array<float, 4> ties{
                x > 0 ? net.across[i - 1] : 0.0f, x + 1 < net.width ? net.across[i] : 0.0f,
                y > 0 ? net.down[i - width] : 0.0f, y + 1 < net.height ? net.down[i] : 0.0f};
            const float sum = ties[0] + ties[1] + ties[2] + ties[3] + net.pull;
            if (!(sum > 0.0f)) continue;
            for (float& tie : ties) tie /= sum;
            nodes.push_back({i, ties, net.pull * net.prior[i] / sum});
        }
    }
    const std::ptrdiff_t last = width * net.height - 1;
    const auto update = [=](const Node& node) {
        // What lies beyond the border has no weight, and is read from within it.
        const std::ptrdiff_t i = node.place;
        const float mean = node.anchor + node.ties[0] * values[i > 0 ? i - 1 : i] +
                           node.ties[1] * values[i < last ? i + 1 : i] +
                           node.ties[2] * values[i >= width ? i - width : i] +
                           node.ties[3] * values[i + width <= last ? i + width : i];
        values[i] += kOverRelaxation * (mean - values[i]);
    };
    for (int sweep = 0; sweep < sweeps; ++sweep) {
        for (auto node = nodes.begin(); node != nodes.end(); ++node) update(*node);
        for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) update(*node);
    }
}

}  // namespace synthetic_focus

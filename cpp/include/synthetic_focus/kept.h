// What was made for one picture and may serve the next.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace synthetic_focus {

// A few values by key, the last used ones. Whoever takes one has it alone, so that pictures which
// are rendered at once each make their own.
template <typename Key, typename Value>
class Kept {
  public:
    explicit Kept(std::size_t most) : most_(most) {}

    // Null where there is none.
    std::unique_ptr<Value> take(const Key& key) {
        const std::lock_guard lock(mutex_);
        const auto found = std::find_if(values_.begin(), values_.end(),
                                        [&key](const auto& kept) { return kept.first == key; });
        if (found == values_.end()) return nullptr;
        std::unique_ptr<Value> value = std::move(found->second);
        values_.erase(found);
        return value;
    }

    void put(Key key, std::unique_ptr<Value> value) {
        std::unique_ptr<Value> dropped;  // outlives the lock
        const std::lock_guard lock(mutex_);
        if (values_.size() == most_) {
            dropped = std::move(values_.front().second);
            values_.erase(values_.begin());
        }
        values_.emplace_back(std::move(key), std::move(value));
    }

  private:
    std::mutex mutex_;
    std::size_t most_;
    std::vector<std::pair<Key, std::unique_ptr<Value>>> values_;  // the last used one last
};

}  // namespace synthetic_focus

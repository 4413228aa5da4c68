// What was made for one picture and may serve the next.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace synthetic_focus {

// Values by key: the last used one, and of those before as many as fit into `most_bytes`. Whoever
// takes one has it alone, so that pictures which are rendered at once each make their own.
template <typename Key, typename Value>
class Kept {
  public:
    explicit Kept(std::size_t most_bytes) : most_bytes_(most_bytes) {}

    // Null where there is none, and one is to be made.
    std::unique_ptr<Value> take(const Key& key) {
        std::vector<Item> dropped;  // outlives the lock
        const std::lock_guard lock(mutex_);
        const auto found = std::find_if(items_.begin(), items_.end(),
                                        [&key](const Item& item) { return item.key == key; });
        if (found == items_.end()) {
            drop(0, dropped);
            return nullptr;
        }
        std::unique_ptr<Value> value = std::move(found->value);
        items_.erase(found);
        return value;
    }

    void put(Key key, std::unique_ptr<Value> value, std::size_t bytes) {
        std::vector<Item> dropped;
        const std::lock_guard lock(mutex_);
        items_.push_back({std::move(key), std::move(value), bytes});
        drop(1, dropped);
    }

  private:
    struct Item {
        Key key;
        std::unique_ptr<Value> value;
        std::size_t bytes;
    };

    // The oldest, but for the last `spared`, until the rest fit.
    void drop(std::size_t spared, std::vector<Item>& dropped) {
        std::size_t bytes = 0;
        for (const Item& item : items_) bytes += item.bytes;
        while (bytes > most_bytes_ && items_.size() > spared) {
            bytes -= items_.front().bytes;
            dropped.push_back(std::move(items_.front()));
            items_.erase(items_.begin());
        }
    }

    std::mutex mutex_;
    std::size_t most_bytes_;
    std::vector<Item> items_;  // the last used one last
};

}  // namespace synthetic_focus

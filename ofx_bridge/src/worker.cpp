#include "worker.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "json.h"

namespace synthetic_focus {

namespace {

using platform::Seconds;

constexpr Seconds default_limit(120);
constexpr Seconds abort_poll(0.02);
// A worker ends itself when its stream does.
constexpr Seconds end_limit(2);
constexpr std::size_t unused_memory_limit = std::size_t{1} << 30;
constexpr std::uint32_t reply_magic = 0x52504653;
// A reply is a text and a few numbers; more than this is not from our worker.
constexpr std::uint32_t reply_limit = 1 << 24;

struct ReplyHeader {
    std::uint32_t magic;
    std::uint32_t version;
    std::uint64_t id;
    std::int32_t status;
    std::uint32_t message_bytes;
    std::uint32_t value_count;
    std::uint32_t flags;
    double progress;
};
static_assert(sizeof(ReplyHeader) == 40 && std::endian::native == std::endian::little);

std::atomic<std::uint64_t> last_id{0};

std::atomic<Worker*> worker_of_this_process{nullptr};

// Never destroyed: at exit a host's threads may still be in here.
Worker* new_worker() { return new Worker; }

void forget_parents_worker() { worker_of_this_process = new_worker(); }

Seconds time_limit() {
    const double seconds = std::strtod(
        platform::environment("SYNTHETIC_FOCUS_TIMEOUT").value_or("0").c_str(), nullptr);
    return seconds > 0 ? Seconds(seconds) : default_limit;
}

std::string interpreter() {
    if (auto path = platform::environment("SYNTHETIC_FOCUS_PYTHON")) return *path;
    const std::string file = platform::resources_directory() + "/python";
    if (auto path = platform::first_line(file); path && !path->empty()) return *path;
    throw WorkerError("Synthetic Focus does not know which Python runs it: " + file +
                      " names none and SYNTHETIC_FOCUS_PYTHON is not set. Install the plug-in with "
                      "\"synthetic-focus install-plugin\".");
}

platform::Process start(Seconds limit) {
    const std::string log = platform::log_path();
    const std::string python = interpreter();
    try {
        return platform::Process(
            {python, "-I", "-m", "synthetic_focus.worker", "--fd", "3", "--log", log},
            platform::worker_environment(), log, limit);
    } catch (const platform::Error& error) {
        throw WorkerError(std::string("Synthetic Focus cannot run its worker: ") + error.what() +
                          ". Install the plug-in again with \"synthetic-focus install-plugin\".");
    }
}

}  // namespace

WorkerError::WorkerError(const std::string& text)
    : std::runtime_error(text +
                         (text.empty() || text.back() == '.' || text.back() == '?' ? "" : ".") +
                         " Log: " + platform::log_path()) {}

Connection::Connection(const std::string& host_name, Seconds limit)
    : limit_(limit),
      process_(start(limit)),
      last_heard_(Clock::now()),
      reader_([this] { read_replies(); }) {
    Json hello;
    hello.member("op", "hello").member("version", protocol_version);
    hello.member("host", host_name).member("plugin_version", SYNTHETIC_FOCUS_VERSION);
    std::optional<Reply> reply;
    try {
        reply = call(hello.text(), nullptr, [] { return false; });
    } catch (...) {
        stop();
        reader_.join();
        throw;
    }
    if (reply && reply->status == ReplyStatus::Ok) return;
    stop();
    reader_.join();
    if (reply) throw WorkerError(reply->message);
    throw WorkerError("Synthetic Focus's worker ended while it started (" + how_ +
                      "). Is the package still installed where \"synthetic-focus install-plugin\" "
                      "was run?");
}

Connection::~Connection() {
    stop();
    if (reader_.joinable()) reader_.join();
}

void Connection::send(std::uint64_t id, const std::string& members, const Segment* segment) {
    const std::lock_guard lock(send_mutex_);
    std::string message = "{\"id\":" + std::to_string(id) + ",";
    const bool news = segment && known_segments_.insert(segment->id).second;
    if (news) {
        Json json;
        json.key("memory_new").open('{').member("id", segment->id);
        json.member("size", segment->memory.size()).close('}');
        message += json.text() + ",";
    }
    message += members + "}";
    std::array<char, 4> size;
    const auto count = static_cast<std::uint32_t>(message.size());
    std::memcpy(size.data(), &count, size.size());
    const bool sent = process_.send(std::string(size.data(), size.size()) + message,
                                    news ? &segment->memory : nullptr);
    // It is gone, or has not read for the time limit; a half message is of no use to it either way.
    if (!sent) process_.kill();
}

std::optional<Reply> Connection::call(const std::string& members, const Segment* segment,
                                      const std::function<bool()>& aborted) {
    const std::uint64_t id = ++last_id;
    {
        const std::lock_guard lock(mutex_);
        if (ended_) return std::nullopt;
        pending_[id] = std::nullopt;
    }
    const auto since = Clock::now();
    send(id, members, segment);
    bool aborting = false;
    std::unique_lock lock(mutex_);
    const auto done = [&] { return ended_ || pending_[id]; };
    while (!done()) {
        changed_.wait_for(lock, abort_poll, done);
        if (done()) break;
        lock.unlock();
        if (!aborting && aborted()) {
            aborting = true;
            Json json;
            notify(json.member("op", "abort").member("target", id).text());
        }
        lock.lock();
        if (Clock::now() - std::max(since, last_heard_) < limit_) continue;
        process_.kill();
        process_.hang_up();
        changed_.wait(lock, [&] { return ended_; });
        pending_.erase(id);
        char text[128];
        std::snprintf(text, sizeof text,
                      "Synthetic Focus's worker said nothing for %g seconds and was ended.",
                      limit_.count());
        throw WorkerError(text);
    }
    std::optional<Reply> reply = std::move(pending_[id]);
    pending_.erase(id);
    return reply;
}

void Connection::notify(const std::string& members) { send(++last_id, members, nullptr); }

void Connection::drop(const Segment& segment) {
    {
        const std::lock_guard lock(send_mutex_);
        if (known_segments_.erase(segment.id) == 0) return;
    }
    Json json;
    notify(json.member("op", "memory_drop").member("memory", segment.id).text());
}

bool Connection::ended() {
    const std::lock_guard lock(mutex_);
    return ended_;
}

std::string Connection::how_it_ended() {
    const std::lock_guard lock(mutex_);
    return how_;
}

bool Connection::read_reply() {
    ReplyHeader header;
    if (!process_.receive(&header, sizeof header)) return false;
    if (header.magic != reply_magic || header.message_bytes > reply_limit ||
        header.value_count > reply_limit) {
        return false;
    }
    Reply reply{static_cast<ReplyStatus>(header.status), std::string(header.message_bytes, '\0'),
                std::vector<double>(header.value_count)};
    if (!process_.receive(reply.message.data(), reply.message.size()) ||
        !process_.receive(reply.values.data(), reply.values.size() * sizeof(double))) {
        return false;
    }
    const std::lock_guard lock(mutex_);
    last_heard_ = Clock::now();
    // The reply to a notification has no one waiting.
    const auto place = pending_.find(header.id);
    if (place != pending_.end() && reply.status != ReplyStatus::Progress) {
        place->second = std::move(reply);
        changed_.notify_all();
    }
    return true;
}

void Connection::read_replies() {
    platform::block_signals();
    while (read_reply()) {
    }
    process_.hang_up();
    const std::string how = process_.reap(end_limit);
    const std::lock_guard lock(mutex_);
    how_ = how;
    ended_ = true;
    changed_.notify_all();
}

Worker& Worker::get() {
    static std::once_flag once;
    std::call_once(once, [] {
        worker_of_this_process = new_worker();
        platform::on_fork_in_child(forget_parents_worker);
    });
    return *worker_of_this_process;
}

std::shared_ptr<Connection> Worker::running() {
    const std::lock_guard lock(mutex_);
    return connection_ && !connection_->ended() ? connection_ : nullptr;
}

std::shared_ptr<Connection> Worker::connect(const std::string& host_name) {
    const std::lock_guard lock(mutex_);
    if (!connection_ || connection_->ended()) {
        connection_ = nullptr;
        connection_ = std::make_shared<Connection>(host_name, time_limit());
    }
    return connection_;
}

Reply Worker::call(const std::string& members, const Segment* segment, const std::string& host_name,
                   const std::function<bool()>& aborted) {
    std::string how;
    for (int attempt = 0; attempt < 2; ++attempt) {
        const std::shared_ptr<Connection> connection = connect(host_name);
        if (auto reply = connection->call(members, segment, aborted)) {
            if (reply->status == ReplyStatus::Failed) {
                throw WorkerError(reply->message);
            }
            return *std::move(reply);
        }
        how = connection->how_it_ended();
    }
    throw WorkerError("Synthetic Focus's worker ended twice over this (" + how + ").");
}

void Worker::notify(const std::string& members) {
    if (auto connection = running()) connection->notify(members);
}

Worker::Lease Worker::lease(std::size_t size) {
    std::unique_ptr<Segment> found;
    std::uint64_t id = 0;
    {
        const std::lock_guard lock(memory_mutex_);
        const auto fits = std::ranges::find_if(unused_, [&](const auto& segment) {
            return segment->memory.size() >= size && segment->memory.size() / 2 <= size;
        });
        if (fits != unused_.end()) {
            found = std::move(*fits);
            unused_.erase(fits);
        }
        id = ++last_segment_;
    }
    if (!found) found = std::make_unique<Segment>(id, size);
    return Lease(found.release(),
                 [this](Segment* segment) { put_back(std::unique_ptr<Segment>(segment)); });
}

void Worker::put_back(std::unique_ptr<Segment> segment) {
    {
        const std::lock_guard lock(memory_mutex_);
        unused_.push_front(std::move(segment));
    }
    trim(unused_memory_limit);
}

void Worker::trim(std::size_t keep_bytes) {
    std::list<std::unique_ptr<Segment>> dropped;
    {
        const std::lock_guard lock(memory_mutex_);
        auto segment = unused_.begin();
        while (segment != unused_.end() && (*segment)->memory.size() <= keep_bytes) {
            keep_bytes -= (*segment++)->memory.size();
        }
        dropped.splice(dropped.begin(), unused_, segment, unused_.end());
    }
    if (dropped.empty()) return;
    if (auto connection = running()) {
        for (const auto& segment : dropped) connection->drop(*segment);
    }
}

void Worker::stop() {
    std::shared_ptr<Connection> connection;
    {
        const std::lock_guard lock(mutex_);
        connection = std::move(connection_);
    }
    trim(0);
}

}  // namespace synthetic_focus

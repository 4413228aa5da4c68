// The plug-in's side of the worker protocol (docs/developer/protocol.md).
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "platform.h"

namespace synthetic_focus {

inline constexpr std::uint32_t protocol_version = 1;

enum class ReplyStatus : std::int32_t { Ok = 0, Failed = 1, Aborted = 2, Need = 3, Progress = 4 };

struct Reply {
    ReplyStatus status;
    std::string message;
    std::vector<double> values;
};

// The worker could not be started, failed, died or hangs. The text is for the user and ends with
// where the log is.
class WorkerError : public std::runtime_error {
  public:
    explicit WorkerError(const std::string& text);
};

// Shared memory that the worker is told about under a number.
struct Segment {
    Segment(std::uint64_t number, std::size_t size) : id(number), memory(size) {}
    std::uint64_t id;
    platform::SharedMemory memory;
};

// One running worker process. Any number of threads may call at once.
class Connection {
  public:
    // Starts the worker and exchanges hello; throws WorkerError.
    Connection(const std::string& host_name, platform::Seconds limit);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // Sends a request, given as the members of a JSON object, and waits for its reply; nothing if
    // the worker ended before. aborted() is asked all the while; once it is true the worker is
    // told, and replies soon. Throws WorkerError if the worker says nothing at all, to any request,
    // for the time limit; it has been ended then.
    std::optional<Reply> call(const std::string& members, const Segment* segment,
                              const std::function<bool()>& aborted);

    // Sends a message and waits for nothing.
    void notify(const std::string& members);

    // Tells the worker, if it knows the segment, that it will not be used again.
    void drop(const Segment& segment);

    bool ended();
    // How the process ended; empty while it has not.
    std::string how_it_ended();
    void stop() { process_.hang_up(); }

  private:
    using Clock = std::chrono::steady_clock;

    void send(std::uint64_t id, const std::string& members, const Segment* segment);
    void read_replies();
    bool read_reply();

    const platform::Seconds limit_;
    platform::Process process_;

    std::mutex send_mutex_;
    std::set<std::uint64_t> known_segments_;

    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::uint64_t, std::optional<Reply>> pending_;
    Clock::time_point last_heard_;
    bool ended_ = false;
    std::string how_;

    std::thread reader_;
};

// The one worker of this process, started when it is first needed, and the memory that is shared
// with it.
class Worker {
  public:
    static Worker& get();

    // As Connection::call, in a worker that is started if there is none, and once more in a new one
    // if it dies. Throws WorkerError also where the worker's answer is that it failed.
    Reply call(const std::string& members, const Segment* segment, const std::string& host_name,
               const std::function<bool()>& aborted);

    // Says something to the worker if there is one.
    void notify(const std::string& members);

    // Memory of at least this size, whose pages were used before if possible, until the pointer
    // goes.
    using Lease = std::unique_ptr<Segment, std::function<void(Segment*)>>;
    Lease lease(std::size_t size);

    // Gives unused memory back to the system.
    void trim(std::size_t keep_bytes);

    // Ends the worker. The next call starts another.
    void stop();

  private:
    std::shared_ptr<Connection> connect(const std::string& host_name);
    std::shared_ptr<Connection> running();
    void put_back(std::unique_ptr<Segment> segment);

    std::mutex mutex_;
    std::shared_ptr<Connection> connection_;

    std::mutex memory_mutex_;
    std::list<std::unique_ptr<Segment>> unused_;  // the most recently used first
    std::uint64_t last_segment_ = 0;
};

}  // namespace synthetic_focus

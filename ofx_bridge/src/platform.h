// What the plug-in needs of the operating system. Each system is one file: platform_posix.cpp is
// Linux.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace synthetic_focus::platform {

using Seconds = std::chrono::duration<double>;

// The system refused something; the text says what and why.
class Error : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

std::optional<std::string> environment(const char* name);

// The variables that the worker gets: a host's LD_LIBRARY_PATH, PYTHONHOME and the like break
// another Python.
std::vector<std::string> worker_environment();

// The bundle's Contents/Resources, found from where this code was loaded.
std::string resources_directory();

// The worker's log file in the user's state directory, which is made if it is missing.
std::string log_path();

// The first line of a file, without its end; nothing if it cannot be read.
std::optional<std::string> first_line(const std::string& path);

// In every child that the host forks without exec: lets go of the worker, which is the parent's and
// would not see the parent end otherwise, and calls the function.
void on_fork_in_child(void (*function)());

// A function of a library that the host has loaded, or null.
void* loaded_function(const char* name);

// Keeps the host's signal handlers out of the calling thread.
void block_signals();

// Memory that can be handed to the worker. Nameless, so that nothing is left behind however the
// processes end.
class SharedMemory {
  public:
    explicit SharedMemory(std::size_t size);
    ~SharedMemory();
    SharedMemory(const SharedMemory&) = delete;
    SharedMemory& operator=(const SharedMemory&) = delete;

    std::byte* data() const { return data_; }
    std::size_t size() const { return size_; }

  private:
    friend class Process;
    int handle_ = -1;
    std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

// A child process and the byte stream between it and us. The stream ends, for both, when either
// process does.
class Process {
  public:
    // Starts arguments[0] with the stream as its file 3 and its output appended to the log. Throws
    // Error.
    Process(const std::vector<std::string>& arguments, const std::vector<std::string>& environment,
            const std::string& log, Seconds send_limit);
    ~Process();
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    // Sends all bytes, with the memory riding on the first; false if the process is gone, or took
    // nothing for the limit. One caller at a time.
    bool send(const std::string& bytes, const SharedMemory* memory);

    // Fills the buffer; false when the stream ends before. One caller at a time.
    bool receive(void* buffer, std::size_t size);

    // Ends the stream for both sides: a blocked receive returns.
    void hang_up();

    // Ends the process at once.
    void kill();

    // Waits for the process to end, kills it if it takes longer than the limit, and says how it
    // ended: "exit status 1", "signal 9 (Killed)". To be called once, by whom receive returned
    // false to.
    std::string reap(Seconds limit);

  private:
    int stream_ = -1;
    int id_ = -1;
};

}  // namespace synthetic_focus::platform

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <thread>

#include "platform.h"

extern char** environ;

namespace synthetic_focus::platform {

namespace {

constexpr int worker_stream = 3;
// For the forked child of a host.
std::atomic<int> open_stream{-1};

void close_parents_stream() {
    const int stream = open_stream.exchange(-1);
    if (stream >= 0) close(stream);
}

[[noreturn]] void fail(const std::string& what, int error) {
    char text[256] = "";
    // glibc's variant returns the text, which need not be in the buffer.
    throw Error(what + ": " + strerror_r(error, text, sizeof text));
}

int checked(int result, const char* what) {
    if (result < 0) fail(what, errno);
    return result;
}

bool passes_on(std::string_view name) {
    for (std::string_view whole :
         {"HOME", "USER", "LOGNAME", "LANG", "PATH", "TMPDIR", "TZ", "CUDA_VISIBLE_DEVICES"}) {
        if (name == whole) return true;
    }
    for (std::string_view prefix : {"LC_", "XDG_", "SYNTHETIC_FOCUS_"}) {
        if (name.starts_with(prefix)) return true;
    }
    return false;
}

void make_directories(const std::string& path) {
    for (std::size_t end = path.find('/', 1); end != std::string::npos;
         end = path.find('/', end + 1)) {
        mkdir(path.substr(0, end).c_str(), 0777);
    }
    mkdir(path.c_str(), 0777);
}

std::string describe_end(int status) {
    if (WIFEXITED(status)) return "exit status " + std::to_string(WEXITSTATUS(status));
    if (!WIFSIGNALED(status)) return "an unknown end";
    const int number = WTERMSIG(status);
    return "signal " + std::to_string(number) + (number == SIGKILL ? " (killed)" : "");
}

// posix_spawn's two settings, freed whatever happens in between.
struct SpawnSettings {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    SpawnSettings() {
        posix_spawn_file_actions_init(&files);
        posix_spawnattr_init(&attributes);
    }
    ~SpawnSettings() {
        posix_spawn_file_actions_destroy(&files);
        posix_spawnattr_destroy(&attributes);
    }
    SpawnSettings(const SpawnSettings&) = delete;
    SpawnSettings& operator=(const SpawnSettings&) = delete;
};

std::vector<char*> pointers(const std::vector<std::string>& strings) {
    std::vector<char*> result;
    for (const std::string& string : strings) result.push_back(const_cast<char*>(string.c_str()));
    result.push_back(nullptr);
    return result;
}

}  // namespace

std::optional<std::string> environment(const char* name) {
    const char* value = std::getenv(name);
    if (!value || !*value) return std::nullopt;
    return value;
}

std::vector<std::string> worker_environment() {
    std::vector<std::string> result;
    for (char** entry = environ; entry && *entry; ++entry) {
        const std::string_view text(*entry);
        if (passes_on(text.substr(0, text.find('=')))) result.emplace_back(text);
    }
    // A frame's working memory is kept for the next frame: given back to the system and taken again
    // it costs a twentieth of the render (glibc, mallopt(3)).
    result.emplace_back("MALLOC_MMAP_THRESHOLD_=33554432");
    result.emplace_back("MALLOC_TRIM_THRESHOLD_=268435456");
    return result;
}

std::string resources_directory() {
    Dl_info info{};
    if (!dladdr(reinterpret_cast<void*>(&resources_directory), &info) || !info.dli_fname) return {};
    std::array<char, PATH_MAX> real{};
    std::string path = realpath(info.dli_fname, real.data()) ? real.data() : info.dli_fname;
    for (int level = 0; level < 2; ++level) {
        const std::size_t slash = path.rfind('/');
        path.resize(slash == std::string::npos ? 0 : slash);
    }
    return path + "/Resources";
}

std::string log_path() {
    std::string state = environment("XDG_STATE_HOME").value_or("");
    // The XDG specification: a relative path is to be ignored.
    if (!state.starts_with('/')) state = environment("HOME").value_or("/tmp") + "/.local/state";
    const std::string directory = state + "/synthetic-focus";
    make_directories(directory);
    return directory + "/worker.log";
}

std::optional<std::string> first_line(const std::string& path) {
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return std::nullopt;
    std::array<char, PATH_MAX + 1> text{};
    const ssize_t size = read(file, text.data(), text.size());
    close(file);
    if (size < 0) return std::nullopt;
    std::string line(text.data(), static_cast<std::size_t>(size));
    line.resize(std::min(line.find_first_of("\r\n"), line.size()));
    return line;
}

void on_fork_in_child(void (*function)()) {
    pthread_atfork(nullptr, nullptr, close_parents_stream);
    pthread_atfork(nullptr, nullptr, function);
}

void* loaded_function(const char* name) { return dlsym(RTLD_DEFAULT, name); }

void block_signals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

SharedMemory::SharedMemory(std::size_t size) : size_(size) {
    handle_ = checked(memfd_create("synthetic-focus", MFD_CLOEXEC), "cannot make shared memory");
    void* data = MAP_FAILED;
    if (ftruncate(handle_, static_cast<off_t>(size)) == 0) {
        data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, handle_, 0);
    }
    if (data == MAP_FAILED) {
        const int error = errno;
        close(handle_);
        fail("cannot make " + std::to_string(size) + " bytes of shared memory", error);
    }
    data_ = static_cast<std::byte*>(data);
}

SharedMemory::~SharedMemory() {
    munmap(data_, size_);
    close(handle_);
}

Process::Process(const std::vector<std::string>& arguments,
                 const std::vector<std::string>& environment, const std::string& log,
                 Seconds send_limit) {
    int ends[2];
    checked(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), "cannot make a socket");
    const int theirs = ends[1];
    stream_ = ends[0];
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(send_limit);
    timeval limit{.tv_sec = whole.count() + 1, .tv_usec = 0};
    setsockopt(stream_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);

    // A file of the child's must not already sit where another is to be put: dup2 onto itself would
    // keep CLOEXEC.
    const int lifted = fcntl(theirs, F_DUPFD_CLOEXEC, 10);
    SpawnSettings settings;
    posix_spawn_file_actions_addopen(&settings.files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&settings.files, 1, "/dev/null", O_WRONLY, 0);
    if (const int file = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        file >= 0) {
        close(file);
        posix_spawn_file_actions_addopen(&settings.files, 1, log.c_str(), O_WRONLY | O_APPEND, 0);
    }
    posix_spawn_file_actions_adddup2(&settings.files, 1, 2);
    posix_spawn_file_actions_adddup2(&settings.files, lifted, worker_stream);

    // Its own process group: the terminal's Ctrl-C is for the host to handle. Default signals:
    // hosts block and ignore.
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setpgroup(&settings.attributes, 0);
    posix_spawnattr_setsigmask(&settings.attributes, &none);
    posix_spawnattr_setsigdefault(&settings.attributes, &all);
    posix_spawnattr_setflags(&settings.attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                       POSIX_SPAWN_SETSIGDEF);

    const int error =
        lifted < 0 ? errno
                   : posix_spawn(&id_, arguments[0].c_str(), &settings.files, &settings.attributes,
                                 pointers(arguments).data(), pointers(environment).data());
    close(theirs);
    if (lifted >= 0) close(lifted);
    if (error) {
        close(stream_);
        fail("cannot start " + arguments[0], error);
    }
    open_stream = stream_;
}

Process::~Process() {
    int mine = stream_;
    open_stream.compare_exchange_strong(mine, -1);
    close(stream_);
}

bool Process::send(const std::string& bytes, const SharedMemory* memory) {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    std::size_t sent = 0;
    while (sent < bytes.size()) {
        iovec part{const_cast<char*>(bytes.data()) + sent, bytes.size() - sent};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        if (memory && sent == 0) {
            message.msg_control = control.data();
            message.msg_controllen = control.size();
            cmsghdr* header = CMSG_FIRSTHDR(&message);
            header->cmsg_level = SOL_SOCKET;
            header->cmsg_type = SCM_RIGHTS;
            header->cmsg_len = CMSG_LEN(sizeof(int));
            std::memcpy(CMSG_DATA(header), &memory->handle_, sizeof(int));
        }
        const ssize_t count = sendmsg(stream_, &message, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return false;
        sent += static_cast<std::size_t>(count);
    }
    return true;
}

bool Process::receive(void* buffer, std::size_t size) {
    auto* bytes = static_cast<char*>(buffer);
    while (size > 0) {
        const ssize_t count = recv(stream_, bytes, size, 0);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return false;
        bytes += count;
        size -= static_cast<std::size_t>(count);
    }
    return true;
}

void Process::hang_up() { shutdown(stream_, SHUT_RDWR); }

void Process::kill() {
    // A host that reaps every child may have taken ours; its number can be another process's by
    // now.
    siginfo_t info{};
    if (waitid(P_PID, static_cast<id_t>(id_), &info, WEXITED | WNOHANG | WNOWAIT) == 0) {
        ::kill(id_, SIGKILL);
    }
}

std::string Process::reap(Seconds limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    int status = 0;
    for (;;) {
        const pid_t ended = waitpid(id_, &status, WNOHANG);
        if (ended == id_) return describe_end(status);
        if (ended < 0 && errno != EINTR) return "an end that the host took note of";
        if (std::chrono::steady_clock::now() > deadline) kill();
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
}

}  // namespace synthetic_focus::platform

#pragma once
/// Work that may crash, done in a child process with which the parent talks in records.

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>

namespace softmaxflow {

class Error;

/// One end of a connection. What arrives are whole records, in order. Where the other end is gone,
/// or sends what makes no sense, all functions throw Error(usage, failure).
class Channel {
public:
    Channel(int socket, std::string failure) : socket_(socket), failure_(std::move(failure)) {}
    ~Channel();
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    void put(const void* data, std::size_t size);
    void put(const std::string& text) { put(text.data(), text.size()); }
    template <class Number>
    requires std::is_arithmetic_v<Number>
    void put(Number number) { put(&number, sizeof number); }

    /// The next record, of at most `room` bytes; returns its size. Throws an error that the other
    /// end passed on instead.
    std::size_t get(void* to, std::size_t room);
    std::string text();  ///< of at most 64 KiB
    template <class Number>
    requires std::is_arithmetic_v<Number> Number number() {
        Number number{};
        if (get(&number, sizeof number) != sizeof number) fail();
        return number;
    }

    /// To be thrown again by the other end.
    void pass_on(const Error& error);
    [[noreturn]] void fail() const;

private:
    void put_bytes(const void* data, std::size_t size);
    void get_bytes(void* to, std::size_t size);

    int socket_;
    std::string failure_;
};

/// A fork of this process that does one job: silent, with the signal handlers of a new process, and
/// ended without a word to atexit. An Error that the job throws is thrown again in the parent, by
/// the next get. Of threads the child has none but ours, so fork before there are others that hold
/// a lock which the job needs.
class ChildProcess {
public:
    using Job = std::function<void(Channel&)>;

    ChildProcess(const Job& job, const std::string& failure);
    ~ChildProcess();  ///< ends the child
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;

    [[nodiscard]] Channel& channel() { return channel_; }

    /// For the job: from here on it may take so many bytes of address space more than it has now,
    /// and so many more seconds of processor time. The system ends a job that takes more.
    static void limit(std::uint64_t bytes, std::uint64_t seconds);

private:
    struct Started {
        pid_t child;
        int socket;
    };
    static Started start(const Job& job, const std::string& failure);
    ChildProcess(Started started, const std::string& failure)
        : child_(started.child), channel_(started.socket, failure) {}

    pid_t child_;
    Channel channel_;
};

}  // namespace softmaxflow

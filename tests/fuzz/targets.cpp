#include "targets.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string_view>
#include <vector>

#include "config/config_file.hpp"
#include "input/start_file.hpp"
#include "softmaxflow/error.hpp"

namespace softmaxflow::fuzz {
namespace {

void expect(bool holds, const std::string& what) {
    if (holds) return;
    std::cerr << what << std::endl;
    std::abort();
}

/// Other exceptions meet the noexcept of the caller.
template <class Read>
void expect_success_or_error(Read&& read) {
    try {
        read();
    } catch (const Error& error) {
        expect(error.status() == Exit::usage || error.status() == Exit::file, error.what());
        expect(*error.what() != '\0', "an error without a message");
    }
}

/// A file in memory that our readers can open by name.
class File {
public:
    explicit File(Bytes bytes) : descriptor_(memfd_create("fuzz", MFD_CLOEXEC)) {
        const auto written = write(descriptor_, bytes.data(), bytes.size());
        expect(written == static_cast<ssize_t>(bytes.size()), "cannot write to memory");
    }
    ~File() { close(descriptor_); }
    File(const File&) = delete;
    File& operator=(const File&) = delete;

    [[nodiscard]] std::string path() const {
        return "/proc/self/fd/" + std::to_string(descriptor_);
    }

private:
    int descriptor_;
};

std::vector<std::string> take_overrides(std::string_view& text) {
    constexpr std::string_view option = "--set ";
    std::vector<std::string> overrides;
    while (text.starts_with(option)) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        overrides.emplace_back(text.substr(option.size(), end - option.size()));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return overrides;
}

/// Small enough for a file of a few KiB to hold all that a config asks for.
Config small_config(const std::string& loss, const std::string& design) {
    Config config;
    config.model.tokens = 3;
    config.model.dim = 2;
    config.objective.loss = loss;
    if (loss == "regression" || loss == "classification") config.objective.samples = 2;
    if (loss == "regression") config.objective.design = design;
    return config;
}

}  // namespace

void config(Bytes bytes) noexcept {
    std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    expect_success_or_error([&] {
        const std::vector<std::string> overrides = take_overrides(text);
        const Config config = parse_config(text, "fuzz.toml", overrides);
        const std::string canonical = canonical_text(config);
        const Config again = parse_config(canonical, "canonical.toml");
        expect(canonical_text(again) == canonical, "changed by writing and reading:\n" + canonical);
        read_config(File({bytes.data() + bytes.size() - text.size(), text.size()}).path(),
                    overrides);
    });
}

void starts(Bytes bytes) noexcept {
    const File file(bytes);
    for (const char* loss : {"logistic", "regression"}) {
        Config config = small_config(loss, "identity");
        config.init.file = file.path();
        expect_success_or_error([&] { read_inputs(config); });
    }
}

void objective(Bytes bytes) noexcept {
    const File file(bytes);
    for (const char* loss : {"cross_entropy", "classification", "regression"}) {
        const Config config = small_config(loss, "random");
        expect_success_or_error([&] { read_objective(file.path(), config); });
    }
}

}  // namespace softmaxflow::fuzz

// Malformed configs, each with its message; and inputs that nobody would write.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "config/config_file.hpp"
#include "config/text_check.hpp"
#include "expect_error.hpp"

namespace softmaxflow {
namespace {

namespace fs = std::filesystem;

const std::string folder = std::string(PROJECT_DIR) + "/tests/data/malformed";

std::vector<std::string> malformed_files() {
    std::vector<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder))
        if (entry.is_regular_file()) files.push_back(entry.path().string());
    std::sort(files.begin(), files.end());
    return files;
}

std::string content(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

/// The first line of a malformed config: "# expect: LINE:COLUMN: what stands in the message".
std::string expectation(const std::string& path) {
    const std::string text = content(path), prefix = "# expect: ";
    EXPECT_TRUE(text.starts_with(prefix)) << path;
    return text.substr(prefix.size(), text.find('\n') - prefix.size());
}

class MalformedConfig : public testing::TestWithParam<std::string> {};

TEST_P(MalformedConfig, IsRefusedWithItsMessage) {
    const std::string path = GetParam();
    const std::string expected = expectation(path);
    // An expectation that names a line is to stand right after the file.
    const bool has_place = std::isdigit(static_cast<unsigned char>(expected.front()));
    expect_error(Exit::usage, has_place ? path + ":" + expected : expected,
                 [&] { read_config(path); });
}

std::string test_name(const testing::TestParamInfo<std::string>& file) {
    const fs::path path = file.param;
    std::string name = path.parent_path().filename().string() + "_" + path.stem().string();
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}

INSTANTIATE_TEST_SUITE_P(Files, MalformedConfig, testing::ValuesIn(malformed_files()), test_name);

TEST(Malformed, ThereAreManyFiles) { EXPECT_GE(malformed_files().size(), 60u); }

struct BytesCase {
    const char* expected;
    std::string text;
};

TEST(Malformed, Bytes) {
    const BytesCase cases[] = {
        {"c.toml:1:1: byte 0xFF is not valid UTF-8", "\xff"},
        {"c.toml:2:4: byte 0xC3 is not valid UTF-8", "\n# a\xc3("},
        {"c.toml:1:3: byte 0xC0 is not valid UTF-8", "# \xc0\x80"},          // overlong
        {"c.toml:1:3: byte 0xED is not valid UTF-8", "# \xed\xa0\x80"},      // surrogate
        {"c.toml:1:3: byte 0xF4 is not valid UTF-8", "# \xf4\x90\x80\x80"},  // above U+10FFFF
        {"c.toml:1:4: byte 0xE2 is not valid UTF-8", "# \u00e9\xe2\x82"},    // cut off
        {"c.toml:1:2: control character", std::string("a\0b", 3)},
        {"c.toml:1:5: control character", "a = \x1b[31m"},
        {"c.toml:1:6: control character", "a = \"\x7f\""},
        {"c.toml:1:6: control character", "a = \"\u0085\""},
        {"c.toml:1:1: non-ASCII character outside of quotes", "\u03c1 = 1"},
        {"c.toml:1:2: expected the name of a table after the bracket", "[`model]"},
        {"c.toml:2:5: expected the name of a table after the bracket", "\n [[ =]]"},
        {"c.toml:1:5: unexpected character '`'; text needs quotes", "a = `b`"},
        {"c.toml:1:6: unexpected quote; a string starts after a blank", "a = b'c'"},
        {"c.toml:1:7: unexpected quote; a string starts after a blank, and stands on one line",
         "a = \"\"\"\nb\"\"\""},
        {"c.toml:1:6: '}' closes nothing", "a = [}]"},
        {"c.toml:1:7: ']' closes nothing", "a = 1 ]"},
        {"c.toml:1:9: unexpected '-' after a digit; no key takes a date", "a = 2026-01-02 "},
        {"c.toml:2:5: non-ASCII character outside of quotes", "# \u03c1\na = \u03c1"},
        {"c.toml:2:11: non-ASCII character", "a = 'it' # \"\nb = \"\\\"\u03c1\" \u03c1"},
    };
    for (const auto& [expected, text] : cases) {
        expect_error(Exit::usage, expected, [&bytes = text] { parse_config(bytes, "c.toml"); });
    }
    EXPECT_NO_THROW(
        check_text("# \u03c1 \u20ac \U0001F600\r\n[init]\nfile = '\u00e9.nc'\n", "c.toml"));
}

TEST(Malformed, TooLarge) {
    const std::string text(max_config_bytes + 1, '\n');
    expect_error(Exit::usage, "a config has at most 1048576",
                 [&] { parse_config(text, "c.toml"); });
    EXPECT_NO_THROW(parse_config(text.substr(1), "c.toml"));
    const std::string list(max_config_bytes - 40, ',');
    expect_error(Exit::usage,
                 "c.toml:2:", [&] { parse_config("[record]\nbins=[" + list, "c.toml"); });
}

TEST(Malformed, Unreadable) {
    expect_error(Exit::file, "none.toml: cannot open", [] { read_config("none.toml"); });
    expect_error(Exit::file, "cannot open", [] { read_config(folder); });
}

struct OverrideCase {
    const char* override_text;
    const char* expected;
};

TEST(Malformed, Overrides) {
    const OverrideCase cases[] = {
        {"model.tokens=x",
         "--set model.tokens=x: key `model.tokens`: expected an integer, found `x`"},
        {"model.tokens=", "expected an integer, found ``"},
        {"model.tokens", "--set model.tokens: expected KEY=VALUE"},
        {"=8", "key ``: unknown key"},
        {"", "--set : expected KEY=VALUE"},
        {"model.token=8", "key `model.token`: unknown key; did you mean `model.tokens`?"},
        {"tokens=8", "key `tokens`: unknown key; did you mean `model.tokens`?"},
        {"model.tokens=1", "--set model.tokens=1: key `model.tokens`: expected 2 .."},
        {"model.tokens=2,4", "sweeps over several values are not in this version"},
        {"model.map=softmax,relu", "sweeps over several values are not in this version"},
        {"model.map=sotfmax", "did you mean \"softmax\"?"},
        {"model.map=\"relu\"", "--set model.map=\"relu\": key `model.map`: map \"relu\" has no"},
        {"model.tokens=\"8\"", "expected an integer, found the string \"8\""},
        {"model.tokens=8\ndim=9", "expected an integer, found `8\ndim=9` with a line end"},
        {"model.tokens=8#9", "expected an integer, found `8#9`"},
        {"model.tokens={a=1}", "expected an integer, found a table"},
        {"record.thresholds=0.5,0.9", "a list needs brackets"},
        {"record.thresholds=[0.5", "expected a list of floats, found `[0.5`"},
        {"ensemble.seed=18446744073709551615", "expected an integer from 0 to 2^63 - 1"},
        {"init.value_scale=\xff", "--set:1:18: byte 0xFF is not valid UTF-8"},
        {"init.value_scale=[[[[[[[[[[[[[[[[[[[[", "brackets nested deeper than 16"},
        {"objective.radius=2", "--set objective.radius=2: key `objective.radius`: set to 2.0, but"},
        {"sweep.x=1", "key `sweep.x`: unknown key"},
    };
    for (const auto& [override_text, expected] : cases) {
        expect_error(Exit::usage, expected, [&, text = std::string(override_text)] {
            parse_config("", "c.toml", {text});
        });
    }
}

/// Returns whether the text was accepted; anything but Error escapes and fails the test.
bool is_accepted(const std::string& text) {
    try {
        parse_config(text, "fuzz");
        return true;
    } catch (const Error& error) {
        EXPECT_EQ(int(error.status()), int(Exit::usage)) << error.what();
        return false;
    }
}

TEST(Malformed, RandomBytesNeverCrash) {
    std::mt19937 random(1);
    int accepted = 0;
    const std::string alphabet = "[]{}=.,\"'\\#\n\r\t -+_:eTZux0179azinf\x01\x7f\xc3\xa9\xff";
    for (int i = 0; i < 10'000; ++i) {
        std::string text(random() % 24, ' ');
        for (char& c : text)
            c = i % 2 ? alphabet[random() % alphabet.size()] : char(random() % 256);
        accepted += is_accepted(text);
    }
    EXPECT_GT(accepted, 0);  // empty texts and blanks
}

/// How many are accepted.
int mutate_configs(int count) {
    std::mt19937 random(2);
    std::vector<std::string> seeds = {canonical_text(Config{})};
    for (const std::string& path : malformed_files()) seeds.push_back(content(path));
    int accepted = 0;
    for (int i = 0; i < count; ++i) {
        std::string text = seeds[i % 2 ? 0 : random() % seeds.size()];
        for (auto edits = 1 + random() % 3; edits > 0; --edits) {
            const std::size_t at = random() % text.size(), length = random() % 8;
            const std::string& other = seeds[random() % seeds.size()];
            switch (random() % 4) {
                case 0:
                    text[at] = char(random() % 256);
                    break;
                case 1:
                    text.erase(at, length);
                    break;
                case 2:
                    text.insert(at, text.substr(random() % text.size(), length));
                    break;
                default:
                    text.insert(at, other.substr(random() % other.size(), 2 * length));
            }
            if (text.empty()) text = " ";
        }
        accepted += is_accepted(text);
    }
    return accepted;
}
TEST(Malformed, MutatedConfigsNeverCrash) { EXPECT_GT(mutate_configs(3'000), 30); }
TEST(MalformedLong, MutatedConfigsNeverCrash) { EXPECT_GT(mutate_configs(100'000), 1000); }

}  // namespace
}  // namespace softmaxflow

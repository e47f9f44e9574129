#include "cli/terminal.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "cli/progress.hpp"
#include "cli/summary.hpp"

namespace softmaxflow::cli {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

TEST(Terminal, NumbersAreShort) {
    EXPECT_EQ(number(0), "0");
    EXPECT_EQ(number(0.5), "0.5");
    EXPECT_EQ(number(-1.0 / 3), "-0.3333");
    EXPECT_EQ(number(1.23456e-7), "1.235e-7");
    EXPECT_EQ(number(-6.02214e23), "-6.022e23");
    EXPECT_EQ(number(3.57e7, 2), "3.6e7");
    EXPECT_EQ(number(infinity), "inf");
    EXPECT_EQ(number(-infinity), "-inf");
    EXPECT_EQ(number(std::numeric_limits<double>::quiet_NaN()), "-");
}

TEST(Terminal, ThousandsAreApart) {
    EXPECT_EQ(grouped(0), "0");
    EXPECT_EQ(grouped(999), "999");
    EXPECT_EQ(grouped(1000), "1 000");
    EXPECT_EQ(grouped(-123456), "-123 456");
    EXPECT_EQ(grouped(std::numeric_limits<std::int64_t>::min()), "-9 223 372 036 854 775 808");
}

TEST(Terminal, DurationsHaveTheUnitOfTheirSize) {
    EXPECT_EQ(duration(0), "0 ms");
    EXPECT_EQ(duration(0.0123), "12.3 ms");
    EXPECT_EQ(duration(0.9996), "1.0 s");
    EXPECT_EQ(duration(59.94), "59.9 s");
    EXPECT_EQ(duration(59.96), "1 min 0 s");
    EXPECT_EQ(duration(3599), "59 min 59 s");
    EXPECT_EQ(duration(3600 * 5 + 60 * 7), "5 h 7 min");
    EXPECT_EQ(duration(86400.0 * 123 + 3600), "123 d 1 h");
    EXPECT_EQ(duration(1e9), "32 years");
    EXPECT_EQ(duration(-1), "-");
    EXPECT_EQ(duration(infinity), "inf years");
}

TEST(Terminal, BytesHaveTheUnitOfTheirSize) {
    EXPECT_EQ(bytes(0), "0 B");
    EXPECT_EQ(bytes(999), "999 B");
    EXPECT_EQ(bytes(1500), "1.5 kB");
    EXPECT_EQ(bytes(999.9e6), "1 GB");
}

TEST(Terminal, BarsAreAsLongAsTheirShare) {
    EXPECT_EQ(bar(0, 10), "");
    EXPECT_EQ(bar(1, 3), "███");
    EXPECT_EQ(bar(2, 3), "███");
    EXPECT_EQ(bar(0.5, 3), "█▌");
    EXPECT_EQ(bar(1e-9, 3), "▏");  // something there is never drawn as nothing
    EXPECT_EQ(columns(bar(0.37, 40)), 15U);
}

TEST(Terminal, ColumnsCountWhatIsSeen) {
    EXPECT_EQ(columns("abc"), 3U);
    EXPECT_EQ(columns("█▌"), 2U);
    EXPECT_EQ(columns(Style(true).bold("abc")), 3U);
    EXPECT_EQ(left("█", 3), "█  ");
    EXPECT_EQ(right("abcd", 3), "abcd");
}

TEST(Terminal, StyleOffAddsNothing) {
    EXPECT_EQ(Style(false).bad("x"), "x");
    EXPECT_NE(Style(true).bad("x"), "x");
}

TEST(Terminal, WrapsBetweenWords) {
    EXPECT_EQ(wrapped("aa bb cc", 7, 2), "aa bb\n  cc");
    EXPECT_EQ(wrapped("longer-than-the-width x", 6, 1), "longer-than-the-width\n x");
    EXPECT_EQ(wrapped("", 6, 1), "");
}

TEST(Terminal, ProgressFitsALine) {
    const std::string line = progress_line(9.9e14, 9.9e15, 12345, 8.25e11, Style(true));
    EXPECT_LE(columns(line), 79U) << line;
    EXPECT_NE(line.find("10 %"), std::string::npos) << line;
    EXPECT_NE(line.find("1.2e3/s"), std::string::npos) << line;
    EXPECT_NE(line.find("failed 12345"), std::string::npos) << line;
    EXPECT_NE(progress_line(0, 10, 0, 0, Style(false)).find("ETA -"), std::string::npos);
}

// Of the largest ensemble that a config may ask for, after a season.
TEST(Terminal, ProgressOfAFlowCountsReplicas) {
    const std::string line = progress_line(1.1e11, 1.1e12, 12345, 8.25e6, Style(true), "replicas");
    EXPECT_LE(columns(line), 79U) << line;
    EXPECT_NE(line.find("1.1e11/1.1e12 replicas  1.3e4/s"), std::string::npos) << line;
}

TEST(Terminal, ProgressKnowsTheRestOfTheTime) {
    EXPECT_NE(progress_line(25, 100, 0, 10, Style(false)).find("ETA 30.0 s"), std::string::npos);
}

TEST(MergedBins, CoversWhatIsOccupiedAndKeepsTheCounts) {
    const std::vector<double> edges = {0, 1, 2, 3, 4, 5, 6, 7};
    const std::vector<std::int64_t> counts = {0, 3, 0, 0, 5, 1, 0};
    const std::vector<Bin> two = merged_bins(edges, counts.data(), 2);
    ASSERT_EQ(two.size(), 2U);
    EXPECT_EQ(two[0].low, 1);
    EXPECT_EQ(two[0].high, 4);
    EXPECT_EQ(two[0].count, 3);
    EXPECT_EQ(two[1].high, 6);
    EXPECT_EQ(two[1].count, 6);
    EXPECT_EQ(merged_bins(edges, counts.data(), 100).size(), 5U);
    EXPECT_TRUE(merged_bins(edges, std::vector<std::int64_t>(7).data(), 4).empty());
}

}  // namespace
}  // namespace softmaxflow::cli

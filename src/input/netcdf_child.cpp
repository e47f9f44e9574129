#include "input/netcdf_child.hpp"

#include <fmt/format.h>

#include "input/netcdf_server.hpp"
#include "softmaxflow/error.hpp"

namespace softmaxflow {
namespace {

// A library on its way to a crash may give nonsense, so what arrives is checked.

NetcdfContents::Variable get_variable(Channel& channel, std::size_t dimensions) {
    NetcdfContents::Variable variable;
    variable.name = channel.text();
    variable.type = channel.number<int>();
    variable.type_name = channel.text();
    for (int rank = channel.number<int>(); rank > 0; --rank) {
        variable.dimensions.push_back(static_cast<std::size_t>(channel.number<int>()));
        if (variable.dimensions.back() >= dimensions) channel.fail();
    }
    variable.fill = channel.number<double>();
    variable.packing = channel.text();
    return variable;
}

NetcdfContents get_contents(Channel& channel) {
    NetcdfContents contents;
    for (int left = channel.number<int>(); left > 0; --left) {
        contents.dimensions.push_back({channel.text(), channel.number<std::int64_t>()});
        if (contents.dimensions.back().size < 0) channel.fail();
    }
    for (int id = 0, end = channel.number<int>(); id < end; ++id) {
        contents.variables.push_back(get_variable(channel, contents.dimensions.size()));
        contents.variables.back().id = id;
    }
    return contents;
}

}  // namespace

NetcdfChild::NetcdfChild(const std::string& path) : path_(path) {
    const OpenFile file(path_);
    if (!file.regular) {
        throw Error(
            Exit::file,
            fmt::format("{}: cannot open this file; does it exist, and may it be read? Files "
                        "named in a config are taken relative to its folder",
                        path));
    }
    size_ = file.size;
    process_ = std::make_unique<ChildProcess>(
        [&](Channel& channel) { serve_netcdf(file, channel); },
        path +
            ": the netCDF library crashed or gave up while reading it; the file is damaged, "
            "write it again");
    contents_ = get_contents(process_->channel());
}

std::vector<double> NetcdfChild::read(const NetcdfContents::Variable& variable,
                                      std::uint64_t unpacked, const NetcdfPart& part) const {
    Channel& channel = process_->channel();
    channel.put(variable.id);
    channel.put(unpacked);
    channel.put(part.count.size());
    std::size_t size = 1;
    for (std::size_t i = 0; i < part.count.size(); ++i) {
        channel.put(part.start[i]);
        channel.put(part.count[i]);
        size *= part.count[i];
    }
    std::vector<double> values(size);
    for (std::size_t done = 0; done < size;) {
        const std::size_t bytes = channel.get(&values[done], (size - done) * sizeof(double));
        if (bytes == 0 || bytes % sizeof(double) != 0) channel.fail();
        done += bytes / sizeof(double);
    }
    return values;
}

}  // namespace softmaxflow

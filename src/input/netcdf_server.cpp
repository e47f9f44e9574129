#include "input/netcdf_server.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <netcdf.h>
#include <netcdf_mem.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "input/netcdf_child.hpp"
#include "softmaxflow/error.hpp"

namespace softmaxflow {
namespace {

constexpr std::uint64_t GiB = std::uint64_t{1} << 30;

class Server {
public:
    Server(const OpenFile& file, Channel& channel) : file_(file), channel_(channel) {
        allow(0);
        open_image();
        put_contents();
    }

    /// Until the parent ends this process.
    [[noreturn]] void serve() {
        for (;;) {
            const int variable = channel_.number<int>();
            allow(channel_.number<std::uint64_t>());
            const auto rank = channel_.number<std::size_t>();
            NetcdfPart part;
            for (std::size_t i = 0; i < rank; ++i) {
                part.start.push_back(channel_.number<std::size_t>());
                part.count.push_back(channel_.number<std::size_t>());
            }
            put_values(variable, part);
        }
    }

private:
    using Name = std::array<char, NC_MAX_NAME + 1>;

    [[noreturn]] void fail(const std::string& what) const {
        throw Error(Exit::usage, fmt::format("{}: {}", file_.path, what));
    }
    void check(int status, const std::string& variable) const {
        if (status == NC_NOERR) return;
        fail(fmt::format("variable `{}`: cannot read it, the file is damaged ({})", variable,
                         nc_strerror(status)));
    }

    /// Room to look at the file and to unpack so many bytes of it; time to do so at 32 MB/s.
    void allow(std::uint64_t unpacked) const {
        const std::uint64_t bytes = file_.size + unpacked;
        ChildProcess::limit(GiB + 3 * bytes, 10 + bytes / (GiB / 32));
    }

    // From memory: by name, netCDF would take a URL too, and would read zeros past the end of a
    // truncated file of the classic formats.
    void open_image() {
        void* image = file_.size == 0 ? MAP_FAILED
                                      : mmap(nullptr, file_.size, PROT_READ | PROT_WRITE,
                                             MAP_PRIVATE, file_.descriptor, 0);
        const int status = image == MAP_FAILED
                               ? NC_ENOTNC
                               : nc_open_mem("image", NC_NOWRITE, file_.size, image, &id_);
        if (status != NC_NOERR) {
            fail(fmt::format("not a netCDF file, or a damaged one ({})", nc_strerror(status)));
        }
    }

    void put_contents() const {
        int dimensions = 0, variables = 0;
        check(nc_inq(id_, &dimensions, &variables, nullptr, nullptr), "*");
        channel_.put(dimensions);
        for (int dimension = 0; dimension < dimensions; ++dimension) {
            constexpr std::size_t largest = std::numeric_limits<std::int64_t>::max();
            Name name{};
            std::size_t size = 0;
            check(nc_inq_dim(id_, dimension, name.data(), &size), "*");
            channel_.put(std::string(name.data()));
            channel_.put(std::int64_t(std::min(size, largest)));
        }
        channel_.put(variables);
        for (int variable = 0; variable < variables; ++variable) put_variable(variable);
    }

    void put_variable(int variable) const {
        Name name{}, type_name{};
        nc_type type = NC_NAT;
        int rank = 0;
        check(nc_inq_var(id_, variable, name.data(), &type, &rank, nullptr, nullptr),
              fmt::format("number {}", variable));
        check(nc_inq_type(id_, type, type_name.data(), nullptr), name.data());
        std::vector<int> dimensions(static_cast<std::size_t>(rank));
        check(nc_inq_vardimid(id_, variable, dimensions.data()), name.data());
        channel_.put(std::string(name.data()));
        channel_.put(type);
        channel_.put(std::string(type_name.data()));
        channel_.put(rank);
        for (const int dimension : dimensions) channel_.put(dimension);
        channel_.put(fill_value(variable, type));
        channel_.put(packing(variable));
    }

    [[nodiscard]] double fill_value(int variable, nc_type type) const {
        double fill = type == NC_DOUBLE  ? NC_FILL_DOUBLE
                      : type == NC_FLOAT ? double(NC_FILL_FLOAT)
                      : type == NC_INT   ? double(NC_FILL_INT)
                                         : double(NC_FILL_INT64);
        std::size_t length = 0;
        const bool own = nc_inq_attlen(id_, variable, "_FillValue", &length) == NC_NOERR;
        if (own && length == 1) nc_get_att_double(id_, variable, "_FillValue", &fill);
        return fill;
    }

    [[nodiscard]] std::string packing(int variable) const {
        for (const char* name : {"scale_factor", "add_offset"}) {
            if (nc_inq_attid(id_, variable, name, nullptr) == NC_NOERR) return name;
        }
        return "";
    }

    /// How much of the first dimension is read at a time: whole chunks, so that none is unpacked
    /// twice, and about 1 MiB.
    [[nodiscard]] std::size_t rows_at_a_time(int variable, std::size_t rank,
                                             std::size_t row) const {
        std::vector<std::size_t> chunk(rank, 1);
        int storage = NC_CONTIGUOUS;
        nc_inq_var_chunking(id_, variable, &storage, chunk.data());
        const std::size_t unit = storage == NC_CHUNKED ? std::max<std::size_t>(chunk[0], 1) : 1;
        const std::size_t wanted = std::max<std::size_t>((std::size_t{1} << 17) / row, 1);
        return std::max<std::size_t>(wanted / unit, 1) * unit;
    }

    void put_values(int variable, const NetcdfPart& part) const {
        Name name{};
        check(nc_inq_varname(id_, variable, name.data()), fmt::format("number {}", variable));
        std::vector<std::size_t> start = part.start, count = part.count;
        std::vector<double> values;
        const auto put = [&](std::size_t size) {
            values.resize(size);
            check(nc_get_vara_double(id_, variable, start.data(), count.data(), values.data()),
                  name.data());
            channel_.put(values.data(), size * sizeof(double));
        };
        if (count.empty()) return put(1);
        std::size_t row = 1;
        for (std::size_t i = 1; i < count.size(); ++i) row *= count[i];
        const std::size_t end = start[0] + count[0];
        const std::size_t most = rows_at_a_time(variable, count.size(), row);
        for (; start[0] < end; start[0] += count[0]) {
            count[0] = std::min(end - start[0], most - start[0] % most);  // to the end of a chunk
            put(count[0] * row);
        }
    }

    const OpenFile& file_;
    Channel& channel_;
    int id_ = -1;
};

}  // namespace

OpenFile::OpenFile(const std::string& name)
    : path(name), descriptor(open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    struct stat status = {};
    regular = descriptor >= 0 && fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
    if (regular) size = static_cast<std::uint64_t>(status.st_size);
}

OpenFile::~OpenFile() {
    if (descriptor >= 0) close(descriptor);
}

void serve_netcdf(const OpenFile& file, Channel& channel) { Server(file, channel).serve(); }

}  // namespace softmaxflow

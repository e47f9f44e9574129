#include "output/netcdf_image.hpp"

#include <fmt/format.h>
#include <hdf5.h>
// netcdf_mem.h expects netcdf.h before it.
#include <netcdf.h>
#include <netcdf_mem.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>
#include <memory>
#include <string_view>

#include "softmaxflow/error.hpp"

namespace softmaxflow {
namespace {

void check(int status, std::string_view where) {
    if (status != NC_NOERR) {
        throw Error(Exit::file, fmt::format("cannot build the netCDF file: {}: {}", where,
                                            nc_strerror(status)));
    }
}

/// The image of an empty HDF5 file that remembers the order in which things are added to it, and no
/// times. The netCDF library makes such files on disk, but not in memory (its issue 3334): those of
/// nc_create_mem list their variables by the alphabet. So it is given this one to extend. The
/// memory is malloc's, as nc_open_memio wants it.
NC_memio empty_file() {
    const hid_t creation = H5Pcreate(H5P_FILE_CREATE), access = H5Pcreate(H5P_FILE_ACCESS);
    const unsigned order = H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED;
    NC_memio image{};
    if (H5Pset_link_creation_order(creation, order) >= 0 &&
        H5Pset_attr_creation_order(creation, order) >= 0 &&
        H5Pset_obj_track_times(creation, /*track_times=*/false) >= 0 &&
        H5Pset_fapl_core(access, /*increment=*/4096, /*backing_store=*/false) >= 0) {
        const hid_t file = H5Fcreate("empty", H5F_ACC_TRUNC, creation, access);
        H5Fflush(file, H5F_SCOPE_GLOBAL);
        const ssize_t size = H5Fget_file_image(file, nullptr, 0);
        if (size > 0) image.memory = std::malloc(static_cast<std::size_t>(size));
        if (image.memory) {
            image.size = static_cast<std::size_t>(size);
            H5Fget_file_image(file, image.memory, image.size);
        }
        H5Fclose(file);
    }
    H5Pclose(access);
    H5Pclose(creation);
    if (!image.memory) throw Error(Exit::file, "cannot build the netCDF file: HDF5 gave no image");
    return image;
}

/// A netCDF file in memory; dropped unless finished.
class MemoryFile {
public:
    MemoryFile() {
        NC_memio image = empty_file();  // from here on the library's to grow and to free
        check(nc_open_memio("image", NC_WRITE, &image, &id_), "create");
        open_ = true;
        check(nc_redef(id_), "create");
    }
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;
    ~MemoryFile() {
        if (open_) nc_abort(id_);
    }

    [[nodiscard]] int id() const { return id_; }

    std::vector<std::byte> finish() {
        NC_memio image{};
        open_ = false;
        check(nc_close_memio(id_, &image), "close");
        const std::unique_ptr<void, decltype(&std::free)> owner(image.memory, std::free);
        const auto* bytes = static_cast<const std::byte*>(image.memory);
        return {bytes, bytes + image.size};
    }

private:
    int id_ = -1;
    bool open_ = false;
};

void put_attribute(int file, int variable, const Attribute& attribute, std::string_view owner) {
    struct Put {
        int file, variable;
        const char* name;
        int operator()(const std::string& text) const {
            return nc_put_att_text(file, variable, name, text.size(), text.data());
        }
        int operator()(std::int32_t number) const {
            return nc_put_att_int(file, variable, name, NC_INT, 1, &number);
        }
        int operator()(const std::vector<std::int8_t>& numbers) const {
            return nc_put_att_schar(file, variable, name, NC_BYTE, numbers.size(), numbers.data());
        }
    };
    check(std::visit(Put{file, variable, attribute.name.c_str()}, attribute.value),
          fmt::format("attribute {} of {}", attribute.name, owner));
}

/// Whole trailing dimensions up to 2^17 values (1 MiB of f64) a chunk, then a part of the next one.
std::vector<std::size_t> chunk_shape(const std::vector<std::size_t>& shape) {
    std::size_t budget = std::size_t{1} << 17;
    std::vector<std::size_t> chunk(shape.size());
    for (std::size_t i = shape.size(); i-- > 0;) {
        chunk[i] = std::clamp<std::size_t>(budget, 1, shape[i]);
        budget /= chunk[i];
    }
    return chunk;
}

void set_fill(int file, int id, const Values& values, const std::string& where) {
    if (std::holds_alternative<std::vector<double>>(values)) {
        const double nan = std::numeric_limits<double>::quiet_NaN();
        check(nc_def_var_fill(file, id, NC_FILL, &nan), where);
    } else {
        check(nc_def_var_fill(file, id, NC_NOFILL, nullptr), where);
    }
}

int define_variable(int file, const Dataset& dataset, const Variable& variable) {
    static constexpr std::array<nc_type, 4> types = {NC_DOUBLE, NC_INT64, NC_INT, NC_BYTE};
    static_assert(types.size() == std::variant_size_v<Values>);
    const std::string where = fmt::format("variable {}", variable.name);

    std::vector<int> ids;
    std::vector<std::size_t> shape;
    for (const std::size_t dimension : dimension_ids(dataset, variable)) {
        ids.push_back(static_cast<int>(dimension));  // netCDF counts them in order of definition
        shape.push_back(dataset.dimensions[dimension].length);
    }
    int id = -1;
    check(nc_def_var(file, variable.name.c_str(), types[variable.values.index()],
                     static_cast<int>(ids.size()), ids.data(), &id),
          where);
    if (!shape.empty()) {
        check(nc_def_var_chunking(file, id, NC_CHUNKED, chunk_shape(shape).data()), where);
        check(nc_def_var_deflate(file, id, /*shuffle=*/1, /*deflate=*/1, /*level=*/1), where);
        check(nc_def_var_fletcher32(file, id, NC_FLETCHER32), where);
    }
    set_fill(file, id, variable.values, where);
    for (const Attribute& attribute : variable.attributes)
        put_attribute(file, id, attribute, variable.name);
    return id;
}

}  // namespace

std::vector<std::byte> netcdf_image(const Dataset& dataset) {
    MemoryFile file;
    int old_mode = 0;
    check(nc_set_fill(file.id(), NC_NOFILL, &old_mode), "fill mode");
    for (const Attribute& attribute : dataset.attributes)
        put_attribute(file.id(), NC_GLOBAL, attribute, "the file");
    for (const Dimension& dimension : dataset.dimensions) {
        int id = -1;
        if (dimension.length == 0)
            throw Error(Exit::internal, fmt::format("dimension {} has length 0", dimension.name));
        check(nc_def_dim(file.id(), dimension.name.c_str(), dimension.length, &id),
              fmt::format("dimension {}", dimension.name));
    }
    std::vector<int> ids;
    for (const Variable& variable : dataset.variables)
        ids.push_back(define_variable(file.id(), dataset, variable));
    check(nc_enddef(file.id()), "end of definitions");
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const Variable& variable = dataset.variables[i];
        const void* data = std::visit(
            [](const auto& values) -> const void* { return values.data(); }, variable.values);
        check(nc_put_var(file.id(), ids[i], data), fmt::format("variable {}", variable.name));
    }
    return file.finish();
}

}  // namespace softmaxflow

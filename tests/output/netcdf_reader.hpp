#pragma once
/// Reads a netCDF file or image through the netCDF library, and fails the test that asks for what
/// is not there.

#include <gtest/gtest.h>
#include <netcdf.h>
#include <netcdf_mem.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace softmaxflow::testing_support {

class NetcdfReader {
public:
    explicit NetcdfReader(const std::string& path) {
        expect(nc_open(path.c_str(), NC_NOWRITE, &id_), path);
    }
    explicit NetcdfReader(std::vector<std::byte>& image) {
        NC_memio memory{image.size(), image.data(), NC_MEMIO_LOCKED};
        expect(nc_open_memio("image", NC_NOWRITE, &memory, &id_), "image");
    }
    NetcdfReader(const NetcdfReader&) = delete;
    NetcdfReader& operator=(const NetcdfReader&) = delete;
    ~NetcdfReader() { nc_close(id_); }

    int variable(const std::string& name) const {
        int variable = -2;
        expect(nc_inq_varid(id_, name.c_str(), &variable), name);
        return variable;
    }

    nc_type type(const std::string& name) const {
        nc_type type = NC_NAT;
        expect(nc_inq_vartype(id_, variable(name), &type), name);
        return type;
    }

    std::vector<std::string> dimensions(const std::string& name) const {
        std::vector<std::string> names;
        for (const int id : dimension_ids(name)) {
            char text[NC_MAX_NAME + 1] = "";
            expect(nc_inq_dimname(id_, id, text), name);
            names.emplace_back(text);
        }
        return names;
    }

    /// All values, in the type they have in the file.
    template <class T>
    std::vector<T> values(const std::string& name) const {
        std::size_t count = 1, size = 0;
        for (const int id : dimension_ids(name)) {
            std::size_t length = 0;
            expect(nc_inq_dimlen(id_, id, &length), name);
            count *= length;
        }
        expect(nc_inq_type(id_, type(name), nullptr, &size), name);
        EXPECT_EQ(size, sizeof(T)) << name;
        std::vector<T> values(count);
        expect(nc_get_var(id_, variable(name), values.data()), name);
        return values;
    }

    /// A text attribute; of the file if `name` is empty.
    std::string text(const std::string& name, const std::string& attribute) const {
        const int owner = name.empty() ? NC_GLOBAL : variable(name);
        std::size_t length = 0;
        expect(nc_inq_attlen(id_, owner, attribute.c_str(), &length), name + ":" + attribute);
        std::string text(length, '\0');
        expect(nc_get_att_text(id_, owner, attribute.c_str(), text.data()), name);
        return text;
    }

    bool has_attribute(const std::string& name, const std::string& attribute) const {
        return nc_inq_attid(id_, variable(name), attribute.c_str(), nullptr) == NC_NOERR;
    }

    int id() const { return id_; }

private:
    static void expect(int status, const std::string& what) {
        EXPECT_EQ(status, NC_NOERR) << what << ": " << nc_strerror(status);
    }
    std::vector<int> dimension_ids(const std::string& name) const {
        int count = 0;
        expect(nc_inq_varndims(id_, variable(name), &count), name);
        std::vector<int> ids(static_cast<std::size_t>(count));
        expect(nc_inq_vardimid(id_, variable(name), ids.data()), name);
        return ids;
    }

    int id_ = -1;
};

}  // namespace softmaxflow::testing_support

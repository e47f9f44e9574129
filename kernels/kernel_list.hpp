#pragma once
/// The kernels that are compiled with the program, over maps, losses, methods and sizes known at
/// run time: the only list of them. A row
///
///     KERNEL(image, work, precision, order, lanes, arguments, body)
///
/// stands for a kernel that runs body(arguments, item, team) for every item by a team of that many
/// lanes. Real is then the number format, Team the type of the team, and Order the order of the
/// explicit scheme, 0 where the work has none. An image is what is compiled by itself, side by side
/// with the others, the longest first.
///
/// The list is a macro because a kernel is looked up by a name of its own, which C++ can make in no
/// other way. The table below, the kernels of a device (entries.cu) and those that tests play on
/// the host come from the same rows, the images that the build makes from the list before them.
///
/// A host asks for the kernel that does some work in a precision by a scheme, with the most lanes
/// that it has use for.

#define SOFTMAXFLOW_IMAGES(IMAGE) \
    IMAGE(flow_implicit_f64)      \
    IMAGE(flow_implicit_f32)      \
    IMAGE(flow_8_f64)             \
    IMAGE(flow_8_f32)             \
    IMAGE(flow_5_f64)             \
    IMAGE(flow_5_f32)             \
    IMAGE(flow_3_f64)             \
    IMAGE(flow_3_f32)             \
    IMAGE(flow_ends)              \
    IMAGE(steps)                  \
    IMAGE(monitored)              \
    IMAGE(descent)

// clang-format off
#define SOFTMAXFLOW_KERNELS(KERNEL)                                                                \
    KERNEL(flow_implicit_f64, implicit_steps, f64, 0, 1, Batch, (implicit_steps<Real, Team>))      \
    KERNEL(flow_implicit_f64, implicit_steps, f64, 0, 32, Batch, (implicit_steps<Real, Team>))     \
    KERNEL(flow_implicit_f32, implicit_steps, f32, 0, 1, Batch, (implicit_steps<Real, Team>))      \
    KERNEL(flow_implicit_f32, implicit_steps, f32, 0, 32, Batch, (implicit_steps<Real, Team>))     \
    KERNEL(flow_8_f64, explicit_steps, f64, 8, 1, Batch, (explicit_steps<Real, Team, Order>))      \
    KERNEL(flow_8_f64, explicit_steps, f64, 8, 32, Batch, (explicit_steps<Real, Team, Order>))     \
    KERNEL(flow_8_f32, explicit_steps, f32, 8, 1, Batch, (explicit_steps<Real, Team, Order>))      \
    KERNEL(flow_8_f32, explicit_steps, f32, 8, 32, Batch, (explicit_steps<Real, Team, Order>))     \
    KERNEL(flow_5_f64, explicit_steps, f64, 5, 1, Batch, (explicit_steps<Real, Team, Order>))      \
    KERNEL(flow_5_f64, explicit_steps, f64, 5, 32, Batch, (explicit_steps<Real, Team, Order>))     \
    KERNEL(flow_5_f32, explicit_steps, f32, 5, 1, Batch, (explicit_steps<Real, Team, Order>))      \
    KERNEL(flow_5_f32, explicit_steps, f32, 5, 32, Batch, (explicit_steps<Real, Team, Order>))     \
    KERNEL(flow_3_f64, explicit_steps, f64, 3, 1, Batch, (explicit_steps<Real, Team, Order>))      \
    KERNEL(flow_3_f64, explicit_steps, f64, 3, 32, Batch, (explicit_steps<Real, Team, Order>))     \
    KERNEL(flow_3_f32, explicit_steps, f32, 3, 1, Batch, (explicit_steps<Real, Team, Order>))      \
    KERNEL(flow_3_f32, explicit_steps, f32, 3, 32, Batch, (explicit_steps<Real, Team, Order>))     \
    KERNEL(flow_ends, initialize, f64, 0, 1, Batch, initialize<Real>)                              \
    KERNEL(flow_ends, record, f64, 0, 1, Batch, record<Real>)                                      \
    KERNEL(flow_ends, initialize, f32, 0, 1, Batch, initialize<Real>)                              \
    KERNEL(flow_ends, record, f32, 0, 1, Batch, record<Real>)                                      \
    KERNEL(steps, advance, f64, 0, 1, Batch, (advance<AnySystem<Real, Team>, AnyMethod>))            \
    KERNEL(steps, advance, f64, 0, 32, Batch, (advance<AnySystem<Real, Team>, AnyMethod>))           \
    KERNEL(steps, advance, f64, 0, 256, Batch, (advance<AnySystem<Real, Team>, AnyMethod>))          \
    KERNEL(steps, advance, f32, 0, 1, Batch, (advance<AnySystem<Real, Team>, AnyMethod>))            \
    KERNEL(steps, advance, f32, 0, 256, Batch, (advance<AnySystem<Real, Team>, AnyMethod>))          \
    KERNEL(monitored, start_monitor, f64, 0, 1, Batch, start_monitor)                              \
    KERNEL(monitored, advance_monitored, f64, 0, 1, Batch, advance_monitored)                      \
    KERNEL(descent, start, f64, 0, 1, Batch, start<Real>)                                          \
    KERNEL(descent, checkpoint, f64, 0, 1, Batch, record_checkpoint<Real>)                         \
    KERNEL(descent, start, f32, 0, 1, Batch, start<Real>)                                          \
    KERNEL(descent, checkpoint, f32, 0, 1, Batch, record_checkpoint<Real>)                         \
    KERNEL(descent, reduce, f64, 0, 32, Reduction, reduce)
// clang-format on

/// The name of a row's kernel.
#define SOFTMAXFLOW_KERNEL_NAME(work, precision, order, lanes) \
    work##_##precision##_##order##_##lanes

namespace softmaxflow::kernels {

#define SOFTMAXFLOW_ENUMERATOR(image) image,
enum class Image { SOFTMAXFLOW_IMAGES(SOFTMAXFLOW_ENUMERATOR) count };
#undef SOFTMAXFLOW_ENUMERATOR

enum class Work {
    start,  ///< descent, as far as `advance`
    checkpoint,
    advance,
    start_monitor,  ///< descent that claims are monitored along
    advance_monitored,
    initialize,  ///< the flow
    record,
    explicit_steps,
    implicit_steps,
    reduce,
};
enum class Precision { f64, f32 };

/// A row without its body.
struct KernelRow {
    Image image;
    Work work;
    Precision precision;
    int order, lanes;
    const char* name;
};

#define SOFTMAXFLOW_TEXT(name) #name
#define SOFTMAXFLOW_TEXT_OF(name) SOFTMAXFLOW_TEXT(name)
#define SOFTMAXFLOW_ROW(image, work, precision, order, lanes, arguments, body) \
    {Image::image,                                                             \
     Work::work,                                                               \
     Precision::precision,                                                     \
     order,                                                                    \
     lanes,                                                                    \
     SOFTMAXFLOW_TEXT_OF(SOFTMAXFLOW_KERNEL_NAME(work, precision, order, lanes))},
inline constexpr KernelRow kernel_table[] = {SOFTMAXFLOW_KERNELS(SOFTMAXFLOW_ROW)};
#undef SOFTMAXFLOW_ROW

/// The row that shares an item among the most lanes, up to `most`; null if there is none.
constexpr const KernelRow* find_row(Work work, Precision precision, int order, int most) {
    const KernelRow* widest = nullptr;
    for (const KernelRow& row : kernel_table)
        if (row.work == work && row.precision == precision && row.order == order &&
            row.lanes <= most && (widest == nullptr || row.lanes > widest->lanes))
            widest = &row;
    return widest;
}

}  // namespace softmaxflow::kernels

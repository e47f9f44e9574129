#pragma once
/// The kernels that are compiled with the program, over maps, losses, methods and sizes known at
/// run time:
///
///     ENTRY(name, lanes, arguments, body)
///
/// runs body(arguments, item, team) for every item by a team of that many lanes. A device makes
/// kernels of them (entries.cu); tests run the same bodies on the host.

#define SOFTMAXFLOW_DESCENT_ENTRIES(ENTRY)    \
    ENTRY(start_f64, 1, Batch, start<double>) \
    ENTRY(reach_f64, 1, Batch, reach<double>) \
    ENTRY(start_f32, 1, Batch, start<float>)  \
    ENTRY(reach_f32, 1, Batch, reach<float>)  \
    ENTRY(reduce, 32, Reduction, reduce)

/// The loop of steps, where it is not compiled for the shape at hand.
#define SOFTMAXFLOW_STEP_ENTRIES(ENTRY)                                             \
    ENTRY(advance_f64_1, 1, Batch, (advance<AnyFlow<double, Team>, AnyMethod>))     \
    ENTRY(advance_f64_32, 32, Batch, (advance<AnyFlow<double, Team>, AnyMethod>))   \
    ENTRY(advance_f64_256, 256, Batch, (advance<AnyFlow<double, Team>, AnyMethod>)) \
    ENTRY(advance_f32_1, 1, Batch, (advance<AnyFlow<float, Team>, AnyMethod>))      \
    ENTRY(advance_f32_256, 256, Batch, (advance<AnyFlow<float, Team>, AnyMethod>))

/// Descent that claims are watched along.
#define SOFTMAXFLOW_WATCH_ENTRIES(ENTRY) \
    ENTRY(watch, 1, Batch, watch)        \
    ENTRY(advance_watched, 1, Batch, advance_watched)

/// Flow of one number format by one scheme, a replica by one lane or, in f64, by a warp.
#define SOFTMAXFLOW_FLOW_ENTRY(ENTRY, name, lanes, Real, Scheme) \
    ENTRY(name, lanes, Batch, (integrate<AnyExplicit<Real, Team, model::Scheme>>))
#define SOFTMAXFLOW_STIFF_ENTRY(ENTRY, name, lanes, Real) \
    ENTRY(name, lanes, Batch, (integrate<AnyImplicit<Real, Team>>))
#define SOFTMAXFLOW_FLOW_F64_3_1_ENTRIES(ENTRY) \
    SOFTMAXFLOW_FLOW_ENTRY(ENTRY, flow_f64_3_1, 1, double, BogackiShampine)
#define SOFTMAXFLOW_FLOW_F64_5_1_ENTRIES(ENTRY) \
    SOFTMAXFLOW_FLOW_ENTRY(ENTRY, flow_f64_5_1, 1, double, Tsitouras)
#define SOFTMAXFLOW_FLOW_F64_8_1_ENTRIES(ENTRY) \
    SOFTMAXFLOW_FLOW_ENTRY(ENTRY, flow_f64_8_1, 1, double, DormandPrince)
#define SOFTMAXFLOW_FLOW_F64_IMPLICIT_1_ENTRIES(ENTRY) \
    SOFTMAXFLOW_STIFF_ENTRY(ENTRY, flow_f64_implicit_1, 1, double)
#define SOFTMAXFLOW_FLOW_F64_3_32_ENTRIES(ENTRY) \
    SOFTMAXFLOW_FLOW_ENTRY(ENTRY, flow_f64_3_32, 32, double, BogackiShampine)
#define SOFTMAXFLOW_FLOW_F64_5_32_ENTRIES(ENTRY) \
    SOFTMAXFLOW_FLOW_ENTRY(ENTRY, flow_f64_5_32, 32, double, Tsitouras)
#define SOFTMAXFLOW_FLOW_F64_8_32_ENTRIES(ENTRY) \
    SOFTMAXFLOW_FLOW_ENTRY(ENTRY, flow_f64_8_32, 32, double, DormandPrince)
#define SOFTMAXFLOW_FLOW_F64_IMPLICIT_32_ENTRIES(ENTRY) \
    SOFTMAXFLOW_STIFF_ENTRY(ENTRY, flow_f64_implicit_32, 32, double)
#define SOFTMAXFLOW_FLOW_F32_3_1_ENTRIES(ENTRY) \
    SOFTMAXFLOW_FLOW_ENTRY(ENTRY, flow_f32_3_1, 1, float, BogackiShampine)
#define SOFTMAXFLOW_FLOW_F32_5_1_ENTRIES(ENTRY) \
    SOFTMAXFLOW_FLOW_ENTRY(ENTRY, flow_f32_5_1, 1, float, Tsitouras)
#define SOFTMAXFLOW_FLOW_F32_8_1_ENTRIES(ENTRY) \
    SOFTMAXFLOW_FLOW_ENTRY(ENTRY, flow_f32_8_1, 1, float, DormandPrince)
#define SOFTMAXFLOW_FLOW_F32_IMPLICIT_1_ENTRIES(ENTRY) \
    SOFTMAXFLOW_STIFF_ENTRY(ENTRY, flow_f32_implicit_1, 1, float)

/// IMAGE(list) for every list above: each is compiled by itself, side by side with the others.
#define SOFTMAXFLOW_IMAGES(IMAGE) \
    IMAGE(DESCENT)                \
    IMAGE(STEP)                   \
    IMAGE(WATCH)                  \
    IMAGE(FLOW_F64_3_1)           \
    IMAGE(FLOW_F64_5_1)           \
    IMAGE(FLOW_F64_8_1)           \
    IMAGE(FLOW_F64_IMPLICIT_1)    \
    IMAGE(FLOW_F64_3_32)          \
    IMAGE(FLOW_F64_5_32)          \
    IMAGE(FLOW_F64_8_32)          \
    IMAGE(FLOW_F64_IMPLICIT_32)   \
    IMAGE(FLOW_F32_3_1)           \
    IMAGE(FLOW_F32_5_1)           \
    IMAGE(FLOW_F32_8_1)           \
    IMAGE(FLOW_F32_IMPLICIT_1)

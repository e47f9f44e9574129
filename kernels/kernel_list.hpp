#pragma once
/// The kernels that are compiled with the program, over maps, losses, methods and sizes known at
/// run time:
///
///     ENTRY(name, lanes, arguments, body)
///
/// runs body(arguments, item, team) for every item by a team of that many lanes. A device makes
/// kernels of them (entries.cu); tests run the same bodies on the host.

#define SOFTMAXFLOW_DESCENT_ENTRIES(ENTRY)                     \
    ENTRY(start_f64, 1, Batch, start<double>)                  \
    ENTRY(checkpoint_f64, 1, Batch, record_checkpoint<double>) \
    ENTRY(start_f32, 1, Batch, start<float>)                   \
    ENTRY(checkpoint_f32, 1, Batch, record_checkpoint<float>)  \
    ENTRY(reduce, 32, Reduction, reduce)

/// The loop of steps, where it is not compiled for the shape at hand.
#define SOFTMAXFLOW_STEP_ENTRIES(ENTRY)                                             \
    ENTRY(advance_f64_1, 1, Batch, (advance<AnyFlow<double, Team>, AnyMethod>))     \
    ENTRY(advance_f64_32, 32, Batch, (advance<AnyFlow<double, Team>, AnyMethod>))   \
    ENTRY(advance_f64_256, 256, Batch, (advance<AnyFlow<double, Team>, AnyMethod>)) \
    ENTRY(advance_f32_1, 1, Batch, (advance<AnyFlow<float, Team>, AnyMethod>))      \
    ENTRY(advance_f32_256, 256, Batch, (advance<AnyFlow<float, Team>, AnyMethod>))

/// Descent that claims are monitored along.
#define SOFTMAXFLOW_MONITOR_ENTRIES(ENTRY)        \
    ENTRY(start_monitor, 1, Batch, start_monitor) \
    ENTRY(advance_monitored, 1, Batch, advance_monitored)

/// What a replica of the flow meets beside its steps.
#define SOFTMAXFLOW_INITIALIZE_ENTRIES(ENTRY)           \
    ENTRY(initialize_f64, 1, Batch, initialize<double>) \
    ENTRY(record_f64, 1, Batch, record<double>)         \
    ENTRY(initialize_f32, 1, Batch, initialize<float>)  \
    ENTRY(record_f32, 1, Batch, record<float>)

/// Steps of the flow in one number format by one scheme, a replica by one lane or by a warp.
#define SOFTMAXFLOW_FLOW_ENTRIES(ENTRY, format, order, Real, Scheme)                           \
    ENTRY(flow_##format##_##order##_1, 1, Batch, (integrate<AnyExplicit<Real, Team, Scheme>>)) \
    ENTRY(flow_##format##_##order##_32, 32, Batch, (integrate<AnyExplicit<Real, Team, Scheme>>))
#define SOFTMAXFLOW_STIFF_ENTRIES(ENTRY, format, Real)                                \
    ENTRY(flow_##format##_implicit_1, 1, Batch, (integrate<AnyImplicit<Real, Team>>)) \
    ENTRY(flow_##format##_implicit_32, 32, Batch, (integrate<AnyImplicit<Real, Team>>))
#define SOFTMAXFLOW_FLOW_F64_3_ENTRIES(ENTRY) \
    SOFTMAXFLOW_FLOW_ENTRIES(ENTRY, f64, 3, double, model::BogackiShampine)
#define SOFTMAXFLOW_FLOW_F64_5_ENTRIES(ENTRY) \
    SOFTMAXFLOW_FLOW_ENTRIES(ENTRY, f64, 5, double, model::Tsitouras)
#define SOFTMAXFLOW_FLOW_F64_8_ENTRIES(ENTRY) \
    SOFTMAXFLOW_FLOW_ENTRIES(ENTRY, f64, 8, double, model::DormandPrince)
#define SOFTMAXFLOW_FLOW_F64_IMPLICIT_ENTRIES(ENTRY) SOFTMAXFLOW_STIFF_ENTRIES(ENTRY, f64, double)
#define SOFTMAXFLOW_FLOW_F32_3_ENTRIES(ENTRY) \
    SOFTMAXFLOW_FLOW_ENTRIES(ENTRY, f32, 3, float, model::BogackiShampine)
#define SOFTMAXFLOW_FLOW_F32_5_ENTRIES(ENTRY) \
    SOFTMAXFLOW_FLOW_ENTRIES(ENTRY, f32, 5, float, model::Tsitouras)
#define SOFTMAXFLOW_FLOW_F32_8_ENTRIES(ENTRY) \
    SOFTMAXFLOW_FLOW_ENTRIES(ENTRY, f32, 8, float, model::DormandPrince)
#define SOFTMAXFLOW_FLOW_F32_IMPLICIT_ENTRIES(ENTRY) SOFTMAXFLOW_STIFF_ENTRIES(ENTRY, f32, float)

/// IMAGE(list) for every list above: each is compiled by itself, side by side with the others.
#define SOFTMAXFLOW_IMAGES(IMAGE) \
    IMAGE(DESCENT)                \
    IMAGE(STEP)                   \
    IMAGE(MONITOR)                \
    IMAGE(INITIALIZE)             \
    IMAGE(FLOW_F64_3)             \
    IMAGE(FLOW_F64_5)             \
    IMAGE(FLOW_F64_8)             \
    IMAGE(FLOW_F64_IMPLICIT)      \
    IMAGE(FLOW_F32_3)             \
    IMAGE(FLOW_F32_5)             \
    IMAGE(FLOW_F32_8)             \
    IMAGE(FLOW_F32_IMPLICIT)

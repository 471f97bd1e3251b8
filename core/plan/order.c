#include "plan/order.h"

#include "base/random.h"
#include "model/parameters.h"

#include <math.h>

/* Metrics as score_metric.h has them; what is no metric comes after. */
const char *const plan_order_names[ORDER_COUNT + 1] = {
    "snr",    "mp",     "gavish-donoho", "frobenius", "sigma-max", "stable-rank", "effective-rank",
    "spikes", "random", "last",          "first",     NULL};

struct plan_order plan_order_numbered(int number, uint64_t seed)
{
    if (number < METRIC_COUNT)
        return (struct plan_order){.metric = (enum metric)number};
    struct plan_order order = {.kind = (enum plan_order_kind)(number - METRIC_COUNT + 1)};
    order.seed = order.kind == ORDER_RANDOM ? seed : 0;
    return order;
}

const char *plan_order_name(const struct plan_order *order)
{
    return plan_order_names[order->kind == ORDER_METRIC ? (int)order->metric
                                                        : METRIC_COUNT + (int)order->kind - 1];
}

bool plan_order_is_snr(const struct plan_order *order)
{
    return order->kind == ORDER_METRIC && order->metric == METRIC_SNR;
}

bool plan_order_is_same(const struct plan_order *a, const struct plan_order *b)
{
    return a->kind == b->kind && a->metric == b->metric && a->seed == b->seed;
}

static double value_of(const struct scan_row *row, const struct plan_order *order,
                       struct random_stream *stream)
{
    if (order->kind == ORDER_METRIC)
        return metric_value(row, order->metric);
    if (order->kind == ORDER_RANDOM)
        return random_uniform(stream);
    int layer = module_layer(row->module);
    return layer < 0 ? NAN : order->kind == ORDER_LAST ? layer : -layer;
}

void plan_order_values(double *values, const struct scan *scan, const struct plan_order *order)
{
    struct random_stream stream = {order->seed, 0};
    for (size_t i = 0; i < scan->count; i++)
        values[i] = value_of(&scan->rows[i], order, &stream);
}

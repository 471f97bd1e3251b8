#include "tui/session/smoothing.h"

#include <math.h>

double smoothing_add(struct smoothing *smoothing, int64_t step, double value)
{
    double distance = smoothing->mass > 0 ? (double)(step - smoothing->step) : 1;
    double old = pow(smoothing->weight, fmax(distance, 1));
    smoothing->mean = old * smoothing->mean + (1 - old) * value;
    smoothing->mass = old * smoothing->mass + (1 - old);
    smoothing->step = step;
    return smoothing->mean / smoothing->mass;
}

double smoothing_half_life(double weight)
{
    return weight > 0 ? log(0.5) / log(weight) : 0;
}

double smoothing_weight(double half_life)
{
    return half_life > 0 ? pow(0.5, 1 / half_life) : 0;
}

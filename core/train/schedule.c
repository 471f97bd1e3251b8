#include "train/schedule.h"

#include <math.h>
#include <string.h>

const char *const schedule_names[] = {"cosine", "linear", "constant", NULL};

const char *schedule_name(enum schedule_kind kind)
{
    return schedule_names[kind];
}

int schedule_by_name(enum schedule_kind *out, const char *name, struct error *err)
{
    for (int i = 0; i < SCHEDULE_KINDS; i++) {
        if (strcmp(name, schedule_names[i]) == 0) {
            *out = (enum schedule_kind)i;
            return 0;
        }
    }
    return error_set_kind(err, ERROR_USAGE,
                          "\"%.40s\" is not a schedule: there are cosine, linear and constant",
                          name);
}

double schedule_rate(const struct schedule *schedule, int64_t step)
{
    if (step < schedule->warmup)
        return schedule->peak * (double)step / (double)schedule->warmup;
    int64_t rest = schedule->steps - schedule->warmup;
    double done = rest > 0 ? (double)(step - schedule->warmup) / (double)rest : 1;
    double left = fmax(0, 1 - done);
    switch (schedule->kind) {
    case SCHEDULE_COSINE:
        return schedule->peak * 0.5 * (1 + cos(acos(-1) * (1 - left)));
    case SCHEDULE_LINEAR:
        return schedule->peak * left;
    default:
        return schedule->peak;
    }
}

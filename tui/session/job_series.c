#include "tui/session/job_series.h"

#include "base/json_flat.h"
#include "base/process.h"
#include "tui/session/smoothing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What holds between two updates:
 *
 * 1. `lines` of metrics->lines are in the losses' bins, in the evaluations and in the count of
 *    events. As long as lines are only appended (metrics->taken and metrics->count grow alike), the
 *    rest is what is new.
 * 2. Of the file everything before `places[WHOLE].offset` is in bins[WHOLE][OTHERS]; from the line
 *    of the part's first step to `places[PART].offset` in bins[PART][OTHERS], until a line is
 *    beyond the part.
 * 3. Where lines cease to count, or the file is another one, all begins again.
 */
enum { WHOLE, PART };
enum { LOSSES, OTHERS };
enum { OTHER_KEYS = JOB_KEYS - 1, READ_AT_ONCE = 2 << 20, FINE = 1024, LEAD = 40 };

/* By what one sees that lines ceased to count. */
struct stamp {
    size_t counts[JOB_LINE_EVENT];
    uint64_t offsets[JOB_LINE_EVENT], begun;
};

struct job_series {
    struct step_bins bins[2][2];
    struct job_metrics_place places[2];
    struct stamp stamp;
    bool parted;    /* the part is in use */
    bool part_read; /* a line beyond the part was reached */
    int64_t part_last;
    size_t lines, taken, events;
    struct job_evaluation *evaluations;
    size_t evaluation_count, evaluation_capacity;
};

/* Two sets of bins, the whole run and the part that is looked at; losses apart, since those come
 * from memory and all else from the file. */
int job_series_open(struct job_series **out, struct error *err)
{
    struct job_series *series = array_alloc(1, sizeof *series, err);
    *out = NULL;
    if (!series)
        return -1;
    for (int i = 0; i < 2; i++)
        if (step_bins_init(&series->bins[i][LOSSES], 1, err) != 0 ||
            step_bins_init(&series->bins[i][OTHERS], OTHER_KEYS, err) != 0) {
            job_series_close(series);
            return -1;
        }
    *out = series;
    return 0;
}

void job_series_close(struct job_series *series)
{
    for (int i = 0; series && i < 2; i++) {
        step_bins_free(&series->bins[i][LOSSES]);
        step_bins_free(&series->bins[i][OTHERS]);
    }
    if (series)
        free(series->evaluations);
    free(series);
}

/* --- losses, evaluations and events, from the lines in memory --- */

static void add_evaluation(struct job_series *series, double step, double loss)
{
    size_t *count = &series->evaluation_count;
    if (*count == JOB_EVALUATIONS_MAX) { /* the older half goes */
        *count /= 2;
        memmove(series->evaluations, series->evaluations + *count,
                *count * sizeof *series->evaluations);
    }
    if (array_reserve((void **)&series->evaluations, &series->evaluation_capacity, *count + 1,
                      sizeof *series->evaluations, NULL) == 0)
        series->evaluations[(*count)++] = (struct job_evaluation){step, loss};
}

/* Lines that were taken away in memory (a metrics file that is another one, or was thinned) make
 * the bins begin again. */
static void take_lines(struct job_series *series, const struct job_metrics *metrics)
{
    if (metrics->taken - series->taken != metrics->count - series->lines) {
        step_bins_begin(&series->bins[WHOLE][LOSSES]);
        series->lines = series->events = series->evaluation_count = 0;
        series->parted = false;
    }
    for (size_t i = series->lines; i < metrics->count; i++) {
        const struct job_line *line = &metrics->lines[i];
        series->events += line->kind == JOB_LINE_EVENT;
        if (line->step < 0 || !isfinite(line->value))
            continue;
        if (line->kind == JOB_LINE_EVALUATION)
            add_evaluation(series, (double)line->step, line->value);
        if (line->kind != JOB_LINE_TRAINING)
            continue;
        step_bins_add(&series->bins[WHOLE][LOSSES], 0, line->step, line->value);
        if (series->parted)
            step_bins_add(&series->bins[PART][LOSSES], 0, line->step, line->value);
    }
    series->lines = metrics->count;
    series->taken = metrics->taken;
}

/* By halves. A line in the middle may be another kind's: then the next one of training decides. */
static size_t first_from(const struct job_metrics *metrics, int64_t step)
{
    size_t low = 0, high = metrics->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2, at = middle;
        while (at < high &&
               (metrics->lines[at].kind != JOB_LINE_TRAINING || metrics->lines[at].step < 0))
            at++;
        if (at < high && metrics->lines[at].step < step)
            low = at + 1;
        else
            high = middle;
    }
    return low;
}

bool job_series_find(const struct job_metrics *metrics, int64_t step, size_t *line)
{
    size_t at = step < INT64_MAX ? first_from(metrics, step + 1) : metrics->count;
    while (at-- > 0)
        if (metrics->lines[at].kind == JOB_LINE_TRAINING && metrics->lines[at].step >= 0) {
            *line = at;
            return true;
        }
    return false;
}

/* --- all else, from the file --- */

/* Where a line's values go: to one of the sets of bins. */
struct taking {
    struct job_series *series;
    int set;
};

enum { MEMBER_STEP, MEMBER_EVENT, MEMBER_RESIDENT, MEMBER_NUMBERS };
enum { NUMBERS = JOB_KEY_RESIDENT - 1, MEMBERS = MEMBER_NUMBERS + NUMBERS };

/* The keys of a line, in the order of enum job_key without the loss. */
static const struct {
    const char *key;
    enum job_number kind;
} numbers[NUMBERS] = {{"lr", JOB_NUMBER_ANY},
                      {"grad_norm", JOB_NUMBER_ANY},
                      {"tokens_per_s", JOB_NUMBER_ANY},
                      {"process_bytes", JOB_NUMBER_BYTES},
                      {"device_bytes", JOB_NUMBER_BYTES},
                      {"device_utilization", JOB_NUMBER_SHARE}};

double job_number_check(enum job_number kind, double value)
{
    bool is = kind == JOB_NUMBER_ANY || (value >= 0 && (kind == JOB_NUMBER_BYTES || value <= 1));
    return is ? value : NAN;
}

/* The values of a line, NaN where it has none; false: it is not a step's. Most lines are plain, and
 * need no tree. */
static bool read_values(const char *text, size_t length, int64_t *step, double values[OTHER_KEYS])
{
    struct json_flat members[MEMBERS] = {[MEMBER_STEP] = {.key = "step"},
                                         [MEMBER_EVENT] = {.key = "event"},
                                         [MEMBER_RESIDENT] = {.key = "resident_bytes"}};
    struct json_flat parts[MEMORY_CATEGORIES];
    double *resident = values + NUMBERS;
    for (int i = 0; i < OTHER_KEYS; i++)
        values[i] = NAN;
    for (int i = 0; i < NUMBERS; i++)
        members[MEMBER_NUMBERS + i].key = numbers[i].key;
    for (int i = 0; i < MEMORY_CATEGORIES; i++)
        parts[i] = (struct json_flat){.key = memory_category_name((enum memory_category)i)};
    if (json_flat_read(text, length, members, MEMBERS)) {
        long long number;
        if (!json_flat_int64(&members[MEMBER_STEP], &number) ||
            members[MEMBER_EVENT].kind != JSON_FLAT_ABSENT)
            return false;
        *step = number;
        for (int i = 0; i < NUMBERS; i++)
            if (members[MEMBER_NUMBERS + i].kind == JSON_FLAT_NUMBER)
                values[i] = job_number_check(numbers[i].kind, members[MEMBER_NUMBERS + i].number);
        const struct json_flat *object = &members[MEMBER_RESIDENT];
        if (object->kind != JSON_FLAT_OTHER ||
            !json_flat_read(object->text, object->length, parts, MEMORY_CATEGORIES))
            return true;
        for (int i = 0; i < MEMORY_CATEGORIES; i++)
            if (parts[i].kind == JSON_FLAT_NUMBER)
                resident[i] = job_number_check(JOB_NUMBER_BYTES, parts[i].number);
        return true;
    }
    cJSON *json = json_parse(text, length, JSON_STRICT, "metrics.jsonl", NULL);
    const cJSON *object = json_get(json, "resident_bytes");
    bool is_step = json_get_int64(json, "step", step) && !json_get(json, "event");
    for (int i = 0; i < NUMBERS; i++)
        if (json_get_double(json, numbers[i].key, &values[i]))
            values[i] = job_number_check(numbers[i].kind, values[i]);
    for (int i = 0; i < MEMORY_CATEGORIES; i++)
        if (json_get_double(object, parts[i].key, &resident[i]))
            resident[i] = job_number_check(JOB_NUMBER_BYTES, resident[i]);
    cJSON_Delete(json);
    return is_step;
}

/* A line of the file into the bins of all other keys; the part ends with its last step. */
static bool take_text(void *context, const char *text, size_t length)
{
    const struct taking *taking = context;
    struct job_series *series = taking->series;
    double values[OTHER_KEYS];
    int64_t step;
    if (!read_values(text, length, &step, values))
        return true;
    if (taking->set == PART && step > series->part_last) {
        series->part_read = true;
        return false;
    }
    for (size_t i = 0; i < OTHER_KEYS; i++)
        step_bins_add(&series->bins[taking->set][OTHERS], i, step, values[i]);
    return true;
}

/* Reads on in one set until its end, or until the time is over; true: something was read. */
static bool read_on(struct job_series *series, const struct job_metrics *metrics, int set,
                    double until)
{
    struct taking taking = {series, set};
    struct job_metrics_place *place = &series->places[set];
    bool some = false;
    for (uint64_t before = UINT64_MAX; place->offset != before && place->offset < metrics->offset &&
                                       !(set == PART && series->part_read);) {
        before = place->offset;
        place->until = before + READ_AT_ONCE;
        if (job_metrics_read(metrics, place, take_text, &taking, NULL) != 0)
            break;
        some = some || place->offset != before;
        if (clock_seconds() >= until)
            break;
    }
    return some;
}

static struct stamp stamp_of(const struct job_metrics *metrics)
{
    struct stamp stamp = {.begun = metrics->begun};
    for (int kind = 0; kind < JOB_LINE_EVENT; kind++) {
        const struct job_voids *voids = &metrics->voids[kind];
        stamp.counts[kind] = voids->count;
        stamp.offsets[kind] = voids->count ? voids->list[voids->count - 1].offset : 0;
    }
    return stamp;
}

/* The part that is looked at first, as it is what the user waits for. */
bool job_series_update(struct job_series *series, const struct job_metrics *metrics, double seconds)
{
    double until = clock_seconds() + seconds;
    struct stamp stamp = stamp_of(metrics);
    bool some = metrics->taken != series->taken;
    if (memcmp(&stamp, &series->stamp, sizeof stamp) != 0 ||
        series->places[WHOLE].offset > metrics->offset) {
        series->stamp = stamp;
        series->places[WHOLE] =
            (struct job_metrics_place){.offset = metrics->begun, .midway = metrics->begun > 0};
        series->parted = false;
        step_bins_begin(&series->bins[WHOLE][OTHERS]);
        some = true;
    }
    take_lines(series, metrics);
    if (seconds < 0)
        return some;
    bool part = series->parted && read_on(series, metrics, PART, until);
    if (!part || clock_seconds() < until)
        some = read_on(series, metrics, WHOLE, until) || some;
    return some || part;
}

bool job_series_is_behind(const struct job_series *series, const struct job_metrics *metrics)
{
    uint64_t end = metrics->offset;
    return series->places[WHOLE].offset < end ||
           (series->parted && !series->part_read && series->places[PART].offset < end);
}

/* --- the part that is looked at --- */

/* The widest window has some 500 columns of dots: FINE bins for what is seen are twice that. The
 * part has as much again on either side, so that moving along does not begin a new one each time.
 */
void job_series_want(struct job_series *series, const struct job_metrics *metrics, int64_t from,
                     int64_t to)
{
    int64_t span = to - from + 1, width = span / FINE > 1 ? span / FINE : 1;
    const struct step_bins *part = &series->bins[PART][LOSSES];
    if (series->bins[WHOLE][LOSSES].width <= width) {
        series->parted = false;
        return;
    }
    if (series->parted && step_bins_cover(part, from, to) &&
        part->width <= 3 * span / STEP_BINS + 1)
        return;
    int64_t first = from > span ? from - span : 0;
    size_t line = first_from(metrics, first);
    for (int i = 0; i < 2; i++)
        step_bins_begin_part(&series->bins[PART][i], first, 3 * span);
    series->parted = true;
    series->part_read = false;
    series->part_last = first + (int64_t)STEP_BINS * part->width - 1;
    series->places[PART] = (struct job_metrics_place){
        .offset = line < metrics->count ? metrics->lines[line].offset : metrics->offset};
    for (; line < metrics->count && metrics->lines[line].step <= series->part_last; line++)
        if (metrics->lines[line].kind == JOB_LINE_TRAINING)
            step_bins_add(&series->bins[PART][LOSSES], 0, metrics->lines[line].step,
                          metrics->lines[line].value);
}

/* --- drawing --- */

/* The finest bins that have all of the window; of the file's keys as far as they were read. */
static const struct step_bins *bins_for(const struct job_series *series, enum job_key key,
                                        const struct job_window *window)
{
    int which = key == JOB_KEY_LOSS ? LOSSES : OTHERS;
    const struct step_bins *part = &series->bins[PART][which];
    bool read = which == LOSSES || series->part_read ||
                series->places[PART].offset >= series->places[WHOLE].offset;
    bool covers = step_bins_cover(part, (int64_t)fmax(window->from, 0), (int64_t)window->to);
    return series->parted && read && covers ? part : &series->bins[WHOLE][which];
}

static size_t place_of(enum job_key key)
{
    return key == JOB_KEY_LOSS ? 0 : (size_t)key - 1;
}

/* The last value at or before a step: in the part's bins, which are finer, then in the whole's. */
double job_series_last(const struct job_series *series, enum job_key key, int64_t step)
{
    const struct job_window window = {.from = (double)step, .to = (double)step};
    const struct step_bins *bins[] = {bins_for(series, key, &window),
                                      &series->bins[WHOLE][key == JOB_KEY_LOSS ? LOSSES : OTHERS]};
    for (int i = 0; i < 2; i++)
        for (size_t at = step_bins_find(bins[i], step) + 1; at-- > 0;) {
            const struct step_bin *bin =
                at < bins[i]->used ? step_bins_at(bins[i], at, place_of(key)) : NULL;
            if (bin && bin->count > 0)
                return bin->high;
        }
    return NAN;
}

/* From as far before the window as smoothing can tell (after LEAD half-lives a value counts 1e-12,
 * which no digit shows), bin by bin; those of one column become one point. */
size_t job_series_curve(const struct job_series *series, enum job_key key,
                        const struct job_window *window, struct job_point *out)
{
    const struct step_bins *bins = bins_for(series, key, window);
    size_t at = place_of(key), count = 0;
    struct smoothing smoothing = {.weight = window->weight};
    double lead = LEAD * smoothing_half_life(window->weight);
    double low = window->logarithmic ? log(window->from) : window->from;
    double high = window->logarithmic ? log(window->to) : window->to;
    int column = -1;
    for (size_t i = step_bins_find(bins, (int64_t)fmax(window->from - lead, 0)); i < bins->used;
         i++) {
        const struct step_bin *bin = step_bins_at(bins, i, at);
        if ((double)step_bins_first(bins, i) > window->to)
            break;
        if (bin->count == 0)
            continue;
        double smooth =
            smoothing_add(&smoothing, step_bins_last(bins, i), bin->sum / (double)bin->count);
        if ((double)step_bins_last(bins, i) < window->from)
            continue;
        double middle = ((double)step_bins_first(bins, i) + (double)step_bins_last(bins, i)) / 2;
        double x = fmin(fmax(middle, window->from), window->to);
        double place = ((window->logarithmic ? log(x) : x) - low) / (high - low);
        int here = (int)lround(place * (window->columns - 1));
        if (here != column) {
            out[count++] = (struct job_point){x, bin->low, bin->high, smooth};
            column = here;
            continue;
        }
        struct job_point *point = &out[count - 1];
        point->low = fmin(point->low, bin->low);
        point->high = fmax(point->high, bin->high);
        point->smooth = smooth;
    }
    return count;
}

/* Smoothing forgets: it begins a few half-lives before the step, not with the run. */
double job_series_smoothed(const struct job_series *series, int64_t step, double weight)
{
    const struct job_window window = {.from = (double)step, .to = (double)step};
    const struct step_bins *bins = bins_for(series, JOB_KEY_LOSS, &window);
    struct smoothing smoothing = {.weight = weight};
    double lead = LEAD * smoothing_half_life(weight), value = NAN;
    for (size_t i = step_bins_find(bins, (int64_t)fmax((double)step - lead, 0));
         i < bins->used && step_bins_first(bins, i) <= step; i++) {
        const struct step_bin *bin = step_bins_at(bins, i, 0);
        if (bin->count > 0)
            value =
                smoothing_add(&smoothing, step_bins_last(bins, i), bin->sum / (double)bin->count);
    }
    return value;
}

const struct job_evaluation *job_series_evaluations(const struct job_series *series, size_t *count)
{
    *count = series->evaluation_count;
    return series->evaluations;
}

size_t job_series_events(const struct job_series *series)
{
    return series->events;
}

/* Teams: every part is done once, whoever comes and goes; and a matrix has the same singular values
 * to the bit whatever the number of threads. */
#include "spectra_cases.h"
#include "test.h"

#include "compute/devices/devices.h"
#include "compute/spectra.h"
#include "compute/team.h"

#include <sched.h>
#include <string.h>
#include <time.h>

enum { HELPERS_MAX = 3 };

/* --- helpers --- */

struct crew {
    struct team team;
    pthread_t helpers[HELPERS_MAX];
    int count;
    atomic_int in; /* helpers that have begun */
};

static void *help(void *crew_pointer)
{
    struct crew *crew = crew_pointer;
    crew->in++;
    team_help(&crew->team);
    return NULL;
}

static void crew_start(struct crew *crew, int helpers)
{
    crew->count = helpers;
    crew->in = 0;
    team_open(&crew->team);
    for (int i = 0; i < helpers; i++)
        assert_int_equal(pthread_create(&crew->helpers[i], NULL, help, crew), 0);
    while (crew->in < helpers)
        sched_yield();
}

static void crew_end(struct crew *crew)
{
    team_close(&crew->team);
    for (int i = 0; i < crew->count; i++)
        pthread_join(crew->helpers[i], NULL);
}

/* --- parts --- */

enum { PARTS = 37 };

struct tally {
    int done[PARTS];
    _Atomic int64_t begun;
};

static void count_part(const void *context, int64_t index)
{
    struct tally *tally = *(struct tally *const *)context;
    tally->done[index]++;
}

static void every_part_is_done_once(void **state)
{
    (void)state;
    struct tally tally = {.begun = 0}, *at = &tally;
    struct crew crew;
    team_each(NULL, count_part, &at, PARTS);
    team_init(&crew.team);
    team_each(&crew.team, count_part, &at, PARTS); /* before anybody may come */
    int rounds = 2;
    for (int helpers = 0; helpers <= HELPERS_MAX; helpers++)
        for (int opening = 0; opening < 5; opening++) {
            crew_start(&crew, helpers);
            for (int i = 0; i < 200; i++) /* of no parts at all, too */
                team_each(&crew.team, count_part, &at, i % 7 == 0 ? 0 : i % 3 == 0 ? 1 : PARTS);
            crew_end(&crew);
            for (int i = 0; i < 200; i++)
                rounds += i % 7 != 0 && i % 3 != 0;
        }
    for (int i = 1; i < PARTS; i++)
        assert_int_equal(tally.done[i], rounds);
    team_free(&crew.team);
}

/* Each part but the first waits for one that another thread has begun. */
static void wait_for_another(const void *context, int64_t index)
{
    struct tally *tally = *(struct tally *const *)context;
    (void)index;
    tally->begun++;
    team_wait_for(&tally->begun, 2);
}

static void helpers_help(void **state)
{
    (void)state;
    struct tally tally = {.begun = 0}, *at = &tally;
    struct crew crew;
    team_init(&crew.team);
    crew_start(&crew, 1);
    team_each(&crew.team, wait_for_another, &at, 2);          /* for ever, if one thread did both */
    nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL); /* he is asleep by now */
    tally.begun = 0;
    team_each(&crew.team, wait_for_another, &at, 2);
    assert_int_equal(tally.begun, 2);
    crew_end(&crew);
    team_help(&crew.team); /* a closed team keeps nobody */
    team_free(&crew.team);
}

/* --- singular values --- */

static const char *const levels[] = {NULL, "avx2"}; /* NULL: the widest */

static void compare_threads(struct backend *backend, const float *matrix, int64_t rows,
                            int64_t cols)
{
    size_t bytes = (size_t)shorter(rows, cols) * sizeof(double);
    size_t room_bytes = (backend->spectra->workspace(backend->self, rows, cols) + 63) / 64 * 64;
    void *room = aligned_alloc(64, room_bytes);
    double *alone = malloc(bytes), *together = malloc(bytes);
    assert_int_equal(backend->spectra->values(backend->self, alone, matrix, rows, cols, room, NULL),
                     0);
    for (int helpers = 0; helpers <= HELPERS_MAX; helpers++) {
        struct crew crew;
        team_init(&crew.team);
        crew_start(&crew, helpers);
        memset(room, 0xff, room_bytes); /* nothing may be read that was not written */
        assert_int_equal(backend->spectra->team_values(backend->self, &crew.team, together, matrix,
                                                       rows, cols, room, NULL),
                         0);
        crew_end(&crew);
        team_free(&crew.team);
        if (memcmp(alone, together, bytes) != 0)
            fail_msg("%lld x %lld: %d threads find other values", (long long)rows, (long long)cols,
                     helpers + 1);
    }
    free(alone);
    free(together);
    free(room);
}

/* Orders that are no multiple of a tile, a strip or a flight, wide and tall, each by both ways; the
 * sanitizers are spared the largest. */
static void any_number_of_threads_finds_the_same_values(void **state)
{
    (void)state;
    static const struct {
        int64_t rows, cols;
        int kind; /* 7 and 8 go the direct way (spectra_cases.h) */
    } cases[] = {
        {1031, 1100, 0}, {1077, 1077, 7}, {1290, 1093, 1}, {1060, 1205, 8}, {2117, 2060, 5}};
    size_t count = sizeof cases / sizeof *cases;
    for (size_t c = 0; c < (getenv("SPECTRUM_SANITIZED") ? 2 : count); c++) {
        float *matrix = matrix_of_kind(cases[c].kind, cases[c].rows, cases[c].cols);
        for (size_t l = 0; l < (c < 1 ? 2 : 1); l++) {
            struct backend *backend = NULL;
            if (cpu_backend_new(&backend, levels[l], 1, NULL) != 0)
                continue;
            compare_threads(backend, matrix, cases[c].rows, cases[c].cols);
            backend_close(backend);
        }
        free(matrix);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_is_done_once),
        cmocka_unit_test(helpers_help),
        cmocka_unit_test(any_number_of_threads_finds_the_same_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

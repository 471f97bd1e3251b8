/* The engines' tables, held against themselves, and versions against one another. The Pythons that are
 * asked are made up in tests/program/doctor.sh. */
#include "test.h"

#include "job/engines/engine_python.h"
#include "job/engines/engine_traps.h"

#include <dirent.h>
#include <string.h>

static void versions_are_compared_by_their_numbers(void **state)
{
    static const struct {
        const char *version, *least;
        bool reaches;
    } cases[] = {
        {"2.10", "2.9", true},
        {"2.9", "2.10", false},
        {"2.10.0", "2.10", true},
        {"2.10", "2.10.0", true},
        {"2.10", "2.10.1", false},
        {"3", "2.99.99", true},
        {"5.24.0", "5.0", true},
        {"4.57.6", "5.0", false},
        {"2.15.0+cu130", "2.15.0", true},
        {"2.15.0.post1", "2.15.0", true},
        {"2.15.0rc1", "2.15.0", false},
        {"2.15.0.dev20261101+cpu", "2.15.0", false},
        {"2.15.0a0", "2.15.0", false},
        {"2.15.0rc1", "2.14", true},
        {"5.0.0.dev0", "5.0", false},
        {"", "1", false},
        {"nonsense", "0.1", false},
        {"1..2", "1.0.1", false},
        {"99999999999999999999999999", "2", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (version_reaches(cases[i].version, cases[i].least) != cases[i].reaches)
            fail_msg("%s against %s", cases[i].version, cases[i].least);
}

static void each_engine_is_found_by_its_name(void **state)
{
    (void)state;
    assert_null(engine_names[ENGINE_COUNT]);
    assert_string_equal(engine_launched_names[0], "fsdp2");
    assert_int_equal(engine_by_name("nothing"), ENGINE_COUNT);
    for (int e = 0; e < ENGINE_COUNT; e++) {
        const struct engine_info *info = engine_info((enum engine)e);
        assert_string_equal(info->name, engine_names[e]);
        assert_int_equal(engine_by_name(info->name), e);
        assert_non_null(info->title);
        assert_non_null(info->what);
    }
}

/* What pip is told to install is what is asked for, and PyTorch is asked for by all. */
static void what_was_tried_reaches_what_is_needed(void **state)
{
    (void)state;
    for (int e = ENGINE_HERE + 1; e < ENGINE_COUNT; e++) {
        const struct engine_info *info = engine_info((enum engine)e);
        bool torch = false;
        assert_non_null(info->python);
        assert_non_null(info->scripts[0].name);
        for (size_t k = 0; k < ENGINE_SCRIPTS_MAX && info->scripts[k].name; k++)
            assert_non_null(info->scripts[k].parts[0]);
        assert_true(ENGINE_HAS(info, METHOD_SPECTRUM));
        for (const struct engine_package *p = info->packages; p->name; p++) {
            assert_true(p < info->packages + ENGINE_PACKAGES_MAX - 1);
            if (!version_reaches(p->tested, p->least))
                fail_msg("%s: %s %s is below %s", info->name, p->name, p->tested, p->least);
            torch = torch || strcmp(p->name, "torch") == 0;
        }
        assert_true(torch);
    }
}

/* A version with a trap is refused because the engine wants a later one: what the row promises. */
static void a_version_with_a_trap_is_below_what_is_needed(void **state)
{
    (void)state;
    size_t count;
    const struct engine_trap *traps = engine_traps(&count);
    assert_true(count > 10);
    for (size_t i = 0; i < count; i++) {
        const struct engine_trap *trap = &traps[i];
        assert_false(TRAP_OF(trap, ENGINE_HERE));
        assert_true(trap->engines != 0 && trap->engines >> ENGINE_COUNT == 0);
        assert_true(trap->name && trap->condition && trap->effect && trap->remedy);
        assert_true((trap->way == TRAP_REFUSED) == (trap->package != NULL));
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(traps[k].name, trap->name);
        for (int e = 0; e < ENGINE_COUNT && trap->package; e++) {
            const struct engine_package *p = engine_info((enum engine)e)->packages;
            while (TRAP_OF(trap, e) && p->name && strcmp(p->name, trap->package) != 0)
                p++;
            if (TRAP_OF(trap, e) && !(p->name && version_reaches(p->least, trap->repaired_in)))
                fail_msg("%s: %s below %s is not refused", engine_names[e], trap->package,
                         trap->repaired_in);
        }
    }
}

/* Each script of tests/engines/traps is called as its row is, with "_" for "-". */
static void each_script_shows_a_trap_of_the_table(void **state)
{
    (void)state;
    size_t count, scripts = 0;
    const struct engine_trap *traps = engine_traps(&count);
    DIR *folder = opendir(SPECTRUM_SOURCE_DIR "/tests/engines/traps");
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        char name[256];
        snprintf(name, sizeof name, "%s", entry->d_name);
        char *end = strstr(name, ".py");
        if (!end || strcmp(name, "trap.py") == 0)
            continue;
        *end = '\0';
        for (char *at = name; *at; at++)
            *at = *at == '_' ? '-' : *at;
        size_t i = 0;
        while (i < count && strcmp(traps[i].name, name) != 0)
            i++;
        if (i == count)
            fail_msg("%s shows no trap of engine_traps.c", entry->d_name);
        scripts++;
    }
    closedir(folder);
    assert_true(scripts > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_are_compared_by_their_numbers),
        cmocka_unit_test(each_engine_is_found_by_its_name),
        cmocka_unit_test(what_was_tried_reaches_what_is_needed),
        cmocka_unit_test(a_version_with_a_trap_is_below_what_is_needed),
        cmocka_unit_test(each_script_shows_a_trap_of_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

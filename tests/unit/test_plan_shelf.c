/* Several plans of one model in the state folder: nobody's is written over, whoever comes when. */
#include "test_folder.h"

#include "base/file.h"
#include "base/file_writer.h"
#include "base/folder.h"
#include "plan/plan_shelf.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

static const char print[] = "0123456789abcdef0123456789abcdef";
static const struct scan scan = {.estimator = "reference"};

static struct plan_shelf open_shelf(void)
{
    struct plan_shelf shelf;
    assert_int_equal(plan_shelf_open(&shelf, &scan, print, NULL), 0);
    return shelf;
}

static void assert_text(const struct plan_shelf *shelf, const char *name, const char *expected)
{
    struct buffer text = BUFFER_INIT;
    char *path = plan_shelf_path(shelf, name, NULL);
    assert_int_equal(file_read_all(&text, path, 1 << 20, NULL), 0);
    assert_string_equal(buffer_string(&text), expected);
    buffer_free(&text);
    free(path);
}

/* "default,b,c" */
static void assert_list(const struct plan_shelf *shelf, const char *expected)
{
    struct plan_entry *entries;
    struct buffer names = BUFFER_INIT;
    size_t count;
    assert_int_equal(plan_shelf_list(shelf, &entries, &count, NULL), 0);
    for (size_t i = 0; i < count; i++)
        buffer_format(&names, "%s%s", i ? "," : "", entries[i].name);
    assert_string_equal(buffer_string(&names), expected);
    buffer_free(&names);
    free(entries);
}

static void save(const struct plan_shelf *shelf, const char *name, const char *text,
                 struct plan_version *seen, int expected)
{
    assert_int_equal(plan_shelf_save(shelf, name, text, strlen(text), seen, NULL), expected);
}

static void plans_have_names(void **state)
{
    (void)state;
    struct plan_shelf shelf = open_shelf();
    struct plan_version none = {.size = 0};
    char last[PLAN_NAME_SIZE];
    assert_list(&shelf, "");
    plan_shelf_last(&shelf, last);
    assert_string_equal(last, PLAN_FIRST_NAME);
    save(&shelf, PLAN_FIRST_NAME, "one", &none, 0);
    char *path = plan_shelf_path(&shelf, PLAN_FIRST_NAME, NULL); /* as earlier versions have it */
    assert_non_null(strstr(path, "/0123456789abcdef0123456789abcdef-reference.json"));
    free(path);
    assert_int_equal(plan_shelf_add(&shelf, "mlp only.json", "two", 3, NULL), 0);
    assert_int_equal(plan_shelf_add(&shelf, "é", "three", 5, NULL), 0);
    assert_list(&shelf, "default,mlp only.json,é");
    assert_int_equal(plan_shelf_copy(&shelf, "mlp only.json", "a", NULL), 0);
    assert_text(&shelf, "a", "two");
    assert_int_equal(plan_shelf_rename(&shelf, "a", "b", NULL), 0);
    assert_int_equal(plan_shelf_remove(&shelf, "é", NULL), 0);
    assert_list(&shelf, "default,b,mlp only.json");
    assert_int_equal(plan_shelf_set_last(&shelf, "b", NULL), 0);
    plan_shelf_last(&shelf, last);
    assert_string_equal(last, "b");
    assert_list(&shelf, "default,b,mlp only.json");
    assert_int_equal(plan_shelf_remove(&shelf, "b", NULL), 0);
    plan_shelf_last(&shelf, last); /* what is not there cannot be opened */
    assert_string_equal(last, PLAN_FIRST_NAME);
    plan_shelf_close(&shelf);
}

static void what_is_there_stays(void **state)
{
    (void)state;
    struct plan_shelf shelf = open_shelf();
    struct error err = ERROR_INIT;
    assert_int_equal(plan_shelf_add(&shelf, "x", "x", 1, NULL), 0);
    assert_int_equal(plan_shelf_add(&shelf, "y", "y", 1, NULL), 0);
    assert_int_equal(plan_shelf_add(&shelf, "x", "z", 1, &err), -1);
    assert_non_null(strstr(err.text, "there is a plan \"x\" already"));
    assert_int_equal(plan_shelf_copy(&shelf, "y", "x", NULL), -1);
    assert_int_equal(plan_shelf_rename(&shelf, "y", "x", NULL), -1);
    assert_text(&shelf, "x", "x");
    assert_text(&shelf, "y", "y");
    plan_shelf_close(&shelf);
}

/* Of two who have seen the same version the first writes, the second is told, and both are kept. */
static void two_screens_lose_nothing(void **state)
{
    (void)state;
    struct plan_shelf shelf = open_shelf();
    struct plan_version first = {.size = 0}, second;
    char name[PLAN_NAME_SIZE];
    save(&shelf, "shared", "0", &first, 0);
    second = first;
    save(&shelf, "shared", "the first's", &first, 0);
    save(&shelf, "shared", "the second's", &second, PLAN_SHELF_OTHER);
    assert_text(&shelf, "shared", "the first's");
    plan_shelf_free_name(&shelf, "shared", name);
    assert_string_equal(name, "shared 2");
    second = (struct plan_version){.size = 0};
    save(&shelf, name, "the second's", &second, 0);
    plan_shelf_free_name(&shelf, "shared", name);
    assert_string_equal(name, "shared 3");
    /* one that has seen nothing does not write over anything */
    struct plan_version none = {.size = 0};
    save(&shelf, "shared", "a third's", &none, PLAN_SHELF_OTHER);
    assert_text(&shelf, "shared", "the first's");
    /* one that was removed meanwhile comes back with what its screen has */
    assert_int_equal(plan_shelf_remove(&shelf, "shared", NULL), 0);
    save(&shelf, "shared", "again", &first, 0);
    assert_text(&shelf, "shared", "again");
    plan_shelf_close(&shelf);
}

/* A lock that somebody holds is an error after a moment, not a wait. */
static void a_lock_is_not_waited_for(void **state)
{
    (void)state;
    struct plan_shelf shelf = open_shelf();
    struct plan_version none = {.size = 0};
    struct error err = ERROR_INIT;
    save(&shelf, "locked", "1", &none, 0);
    int held = open(shelf.folder, O_RDONLY | O_DIRECTORY);
    assert_true(held >= 0);
    assert_int_equal(flock(held, LOCK_EX), 0);
    assert_int_equal(plan_shelf_save(&shelf, "locked", "2", 1, &none, &err), -1);
    assert_non_null(strstr(err.text, "another screen"));
    assert_text(&shelf, "locked", "1");
    close(held);
    save(&shelf, "locked", "2", &none, 0);
    plan_shelf_close(&shelf);
}

static void names_are_checked(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      ".",
                                      "..",
                                      ".hidden",
                                      "a/b",
                                      "../x",
                                      " a",
                                      "a ",
                                      "a\nb",
                                      "\x1b[31m",
                                      "\xff",
                                      "\xe2\x80\xae",
                                      ("01234567890123456789012345678901234567890123456789"
                                       "012345678901234")};
    struct plan_shelf shelf = open_shelf();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct error err = ERROR_INIT;
        assert_int_equal(plan_shelf_add(&shelf, bad[i], "x", 1, &err), -1);
        assert_int_equal(err.kind, ERROR_USAGE);
    }
    plan_shelf_close(&shelf);
}

/* Files that others put there are no plans of this model, and are not shown. */
static void foreign_names_are_passed_over(void **state)
{
    (void)state;
    static const char *const names[] = {
        "0123456789abcdef0123456789abcdef-reference.default.json",
        "0123456789abcdef0123456789abcdef-reference..json",
        "0123456789abcdef0123456789abcdef-reference..hidden.json",
        "0123456789abcdef0123456789abcdef-reference.\x1b]0;x\a.json",
        "0123456789abcdef0123456789abcdef-reference.json.aside",
        "0123456789abcdef0123456789abcdef-referencex.json",
        "0123456789abcdef0123456789abcdef-mp.other.json",
        "x.json",
    };
    struct plan_shelf shelf = open_shelf();
    struct buffer text = BUFFER_INIT;
    struct plan_entry *entries;
    size_t before, count;
    assert_int_equal(plan_shelf_add(&shelf, "own", "x", 1, NULL), 0);
    assert_int_equal(plan_shelf_list(&shelf, &entries, &before, NULL), 0);
    free(entries);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = path_join(shelf.folder, names[i], NULL);
        assert_int_equal(file_save(path, "x", 1, NULL), 0);
        free(path);
    }
    assert_int_equal(plan_shelf_list(&shelf, &entries, &count, NULL), 0);
    assert_int_equal(count, before);
    free(entries);
    /* nor does a file that says what was open last say more than a name */
    static const char *const lasts[] = {"", "{", "{\"name\": 7}", "{\"name\": \"../../x\"}",
                                        "{\"name\": \"not there\"}"};
    char last[PLAN_NAME_SIZE];
    for (size_t i = 0; i < sizeof lasts / sizeof *lasts; i++) {
        buffer_clear(&text);
        buffer_format(&text, "%s/%s-reference.last", shelf.folder, print);
        assert_int_equal(file_save(buffer_string(&text), lasts[i], strlen(lasts[i]), NULL), 0);
        plan_shelf_last(&shelf, last);
        assert_string_equal(last, PLAN_FIRST_NAME);
    }
    buffer_free(&text);
    plan_shelf_close(&shelf);
}

static void there_is_an_end_to_plans(void **state)
{
    (void)state;
    struct plan_shelf shelf;
    struct error err = ERROR_INIT;
    char name[PLAN_NAME_SIZE];
    assert_int_equal(plan_shelf_open(&shelf, &scan, "ffffffffffffffffffffffffffffffff", NULL), 0);
    for (int i = 0; i < PLAN_SHELF_MAX; i++) {
        snprintf(name, sizeof name, "plan %d", i);
        assert_int_equal(plan_shelf_add(&shelf, name, "x", 1, NULL), 0);
    }
    assert_int_equal(plan_shelf_add(&shelf, "one more", "x", 1, &err), -1);
    assert_non_null(strstr(err.text, "no room for more"));
    plan_shelf_close(&shelf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_have_names),         cmocka_unit_test(what_is_there_stays),
        cmocka_unit_test(two_screens_lose_nothing), cmocka_unit_test(a_lock_is_not_waited_for),
        cmocka_unit_test(names_are_checked),        cmocka_unit_test(foreign_names_are_passed_over),
        cmocka_unit_test(there_is_an_end_to_plans),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

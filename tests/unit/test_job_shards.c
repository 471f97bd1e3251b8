/* Which tensor goes into which file, and where: huggingface_hub's and safetensors' own answers
 * (tests/oracle/make_shards.py). */
#include "test.h"

#include "job/export/shards.h"

#include <string.h>

enum { TENSORS_MAX = 64 };

static struct parameter parameters[TENSORS_MAX];
static struct part parts[TENSORS_MAX];

static enum dtype dtype_called(const char *name)
{
    for (int i = 0; i < DTYPE_COUNT; i++)
        if (strcmp(dtype_traits((enum dtype)i)->name, name) == 0)
            return (enum dtype)i;
    return DTYPE_UNSUPPORTED;
}

static size_t read_parts(const cJSON *tensors)
{
    size_t count = 0;
    const cJSON *tensor;
    cJSON_ArrayForEach(tensor, tensors)
    {
        assert_true(count < TENSORS_MAX);
        struct part *part = &parts[count];
        parameters[count] = (struct parameter){.name = tensor->child->valuestring};
        *part = (struct part){.parameter = &parameters[count],
                              .dtype = dtype_called(tensor->child->next->valuestring)};
        part->bytes = (uint64_t)tensor->child->next->next->valuedouble *
                      (uint64_t)dtype_traits(part->dtype)->block_bytes;
        count++;
    }
    return count;
}

static void shards_are_huggingface_hubs(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    char path[4096], name[SHARD_NAME_SIZE];
    snprintf(path, sizeof path, "%s/job/shards.json", getenv("SPECTRUM_TEST_DATA"));
    cJSON *cases = json_read_file(path, 1 << 20, JSON_STRICT, &err);
    if (!cases)
        fail_msg("%s", err.text);
    size_t seen = 0, most = 0;
    const cJSON *item, *file, *number;
    cJSON_ArrayForEach(item, cases)
    {
        size_t count = read_parts(json_get(item, "tensors")), shards, at = 0, shard = 0;
        shards_assign(parts, count, (uint64_t)json_get(item, "limit")->valuedouble, &shards);
        assert_int_equal(shards, cJSON_GetArraySize(json_get(item, "files")));
        cJSON_ArrayForEach(file, json_get(item, "files"))
        {
            shard_name(name, shard, shards);
            assert_string_equal(name, file->string);
            cJSON_ArrayForEach(number, file)
            {
                assert_int_equal(parts[at].shard, shard);
                assert_ptr_equal(parts[at].parameter, &parameters[number->valueint]);
                at++;
            }
            shard++;
        }
        assert_int_equal(at, count);
        seen++;
        most = shards > most ? shards : most;
    }
    assert_true(seen > 10 && most > 9);
    cJSON_Delete(cases);
}

/* Without a bound all of it is one file; and nothing is one, too. */
static void without_a_bound_there_is_one(void **state)
{
    (void)state;
    size_t shards;
    for (size_t i = 0; i < 3; i++) {
        parameters[i] = (struct parameter){.name = (char *[]){"c", "a", "b"}[i]};
        parts[i] = (struct part){.parameter = &parameters[i], .dtype = DTYPE_F32, .bytes = 4};
    }
    shards_assign(parts, 3, 0, &shards);
    assert_int_equal(shards, 1);
    assert_string_equal(parts[0].parameter->name, "a");
    assert_int_equal(parts[2].shard, 0);
    shards_assign(parts, 0, 10, &shards);
    assert_int_equal(shards, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shards_are_huggingface_hubs),
        cmocka_unit_test(without_a_bound_there_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

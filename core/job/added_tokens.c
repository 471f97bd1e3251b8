#include "job/added_tokens.h"

#include "text/template/template.h"

/* More are not the marks of a template. */
enum { ADDED_MAX = 1024 };

/* Each by its text with the id that it got; one that is a token already is an error. */
cJSON *added_tokens_make(struct tokenizer *tokenizer, const cJSON *texts, struct error *err)
{
    const cJSON *item;
    cJSON *added = cJSON_CreateObject();
    int status = added ? 0 : error_set(err, "not enough memory");
    if (status == 0 && cJSON_GetArraySize(texts) > ADDED_MAX)
        status = error_set(err, "more than %d tokens to add", ADDED_MAX);
    cJSON_ArrayForEach(item, texts)
    {
        int32_t id;
        if (status == 0)
            status = tokenizer_add_special(tokenizer, item->valuestring, &id, err);
        if (status == 0 && !cJSON_AddNumberToObject(added, item->valuestring, id))
            status = error_set(err, "not enough memory");
    }
    if (status == 0)
        return added;
    cJSON_Delete(added);
    return NULL;
}

/* Marks of a template that are not tokens; with `add` also whether they could become some. */
int added_tokens_look(struct tokenizer *tokenizer, const char *template_name, bool add, char *marks,
                      size_t size, struct error *err)
{
    struct chat_template *chat;
    marks[0] = '\0';
    if (template_open(&chat, tokenizer, template_name, NULL, err) != 0)
        return -1;
    bool exists = template_exists(chat);
    cJSON *missing = exists ? template_missing_marks(chat, tokenizer, true, err) : NULL;
    template_close(chat);
    int status = exists && !missing ? -1 : 0;
    if (cJSON_GetArraySize(missing) > 0) {
        template_put_marks(marks, size, missing);
        cJSON *added = add ? added_tokens_make(tokenizer, missing, err) : NULL;
        status = add && !added ? -1 : 0;
        cJSON_Delete(added);
    }
    cJSON_Delete(missing);
    return status;
}

/* An object of whole numbers, of which no JSON has a key twice. */
static int check(const cJSON *added, const char *where, struct error *err)
{
    const cJSON *item;
    bool right = cJSON_IsObject(added) && cJSON_GetArraySize(added) <= ADDED_MAX;
    cJSON_ArrayForEach(item, added)
    {
        int64_t id;
        right = right && json_get_int64(added, item->string, &id) && id >= 0;
    }
    return right ? 0
                 : error_set(err, "%s: \"added_tokens\" is not an object of ids by their texts",
                             where);
}

/* In the order of the object, which is that of their first adding: so each gets its id. */
int added_tokens_repeat(const cJSON *added, struct tokenizer *tokenizer, const char *where,
                        struct error *err)
{
    const cJSON *item;
    if (!added)
        return 0;
    if (check(added, where, err) != 0)
        return -1;
    cJSON_ArrayForEach(item, added)
    {
        int32_t id;
        if (tokenizer_add_special(tokenizer, item->string, &id, err) != 0)
            return error_prefix(err, "%s", where);
        if (id != item->valuedouble)
            return error_set(err,
                             "%s: the run's token \"%.60s\" had the id %.0f, and would get %d now: "
                             "the model's tokenizer is another; put the model back that it was",
                             where, item->string, item->valuedouble, id);
    }
    return 0;
}

/* Rows up to the highest id: the embedding may have some of them already. */
int added_tokens_fit(const cJSON *added, struct model *model, const char *where, struct error *err)
{
    const cJSON *item;
    int64_t rows = 0;
    if (!added)
        return 0;
    if (check(added, where, err) != 0)
        return -1;
    cJSON_ArrayForEach(item, added)
    {
        if (item->valuedouble >= (double)rows)
            rows = (int64_t)item->valuedouble + 1;
    }
    return model_add_rows(model, rows, err) == 0 ? 0 : error_prefix(err, "%s", where);
}

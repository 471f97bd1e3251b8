/* Forms of records: as TRL, LLaMA-Factory and Axolotl read them (tests/oracle/make_forms.py), and
 * what is refused. */
#include "text_data.h"

#include "text/dataset/dataset.h"
#include "text/tokenizer/tokenizer.h"

#include <sys/stat.h>

/* demo/model's tokenizer: with its chat template, and without. */
struct tokenizers {
    struct tokenizer *own, *none;
};

static const char *test_data(const char *name, char path[1024])
{
    snprintf(path, 1024, "%s/%s", getenv("SPECTRUM_TEST_DATA"), name);
    return path;
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static int open_tokenizers(void **state)
{
    static struct tokenizers tokenizers;
    char demo[1024], folder[] = "/tmp/spectrum-forms-XXXXXX", path[1200], from[1200];
    test_data("../../demo/model", demo);
    assert_int_equal(tokenizer_open(&tokenizers.own, demo, NULL), 0);
    assert_non_null(mkdtemp(folder));
    snprintf(from, sizeof from, "%s/tokenizer.json", demo);
    snprintf(path, sizeof path, "%s/tokenizer.json", folder);
    assert_int_equal(symlink(from, path), 0);
    char config[1200];
    snprintf(config, sizeof config, "%s/tokenizer_config.json", folder);
    write_text(config, "{\"eos_token\": \"<|endoftext|>\"}");
    assert_int_equal(tokenizer_open(&tokenizers.none, folder, NULL), 0);
    unlink(path);
    unlink(config);
    rmdir(folder);
    *state = &tokenizers;
    return 0;
}

static int close_tokenizers(void **state)
{
    struct tokenizers *tokenizers = *state;
    tokenizer_close(tokenizers->own);
    tokenizer_close(tokenizers->none);
    return 0;
}

/* `template`: "own", "none", a name of --template, or a file of the test data. */
static int load(struct dataset *out, const struct tokenizers *tokenizers, const char *template,
                const char *columns, const char *text, struct error *err)
{
    char file[1100], path[] = "/tmp/spectrum-forms-XXXXXX.jsonl";
    const char *paths[] = {path};
    int fd = mkstemps(path, 6);
    assert_true(fd >= 0);
    close(fd);
    write_text(path, text);
    bool own = strcmp(template, "own") == 0, none = strcmp(template, "none") == 0;
    struct dataset_options options = {.columns = columns};
    if (!own && !none)
        options.template_name = template;
    if (strcmp(template, "forms.jinja") == 0)
        options.template_name = test_data("text/forms.jinja", file);
    options.template_may_rest = options.names_may_rest = true;
    int status =
        dataset_load(out, paths, 1, &options, none ? tokenizers->none : tokenizers->own, err);
    unlink(path);
    return status;
}

static void same_notes(const struct dataset_notes *notes, const cJSON *names, const char *record)
{
    if ((int)notes->count != cJSON_GetArraySize(names))
        fail_msg("%s: %zu columns not read, expected %d", record, notes->count,
                 cJSON_GetArraySize(names));
    for (size_t i = 0; i < notes->count; i++) {
        assert_string_equal(notes->items[i].text,
                            cJSON_GetStringValue(cJSON_GetArrayItem(names, (int)i)));
        assert_int_equal(notes->items[i].line, 1);
        assert_int_equal(notes->items[i].count, 1);
        assert_non_null(strstr(notes->items[i].path, "spectrum-forms-"));
    }
}

static void same_tokens(const struct dataset *data, const cJSON *one, const char *record)
{
    const cJSON *id = json_get(one, "ids")->child, *mask = json_get(one, "mask")->child;
    size_t i = 0;
    for (; i < data->tokens && id; i++, id = id->next, mask = mask->next)
        if (data->ids[i] != id->valueint || (data->weights[i] > 0) != (mask->valueint != 0))
            fail_msg("%s: token %zu is %d, weight %g, expected %d, mask %d", record, i,
                     data->ids[i], (double)data->weights[i], id->valueint, mask->valueint);
    if (i < data->tokens || id)
        fail_msg("%s: %u tokens, expected %d", record, (unsigned)data->tokens,
                 cJSON_GetArraySize(json_get(one, "ids")));
}

/* Data of which nothing is trained is an error: another record stands behind such a one. */
static void reads_as_its_tools_do(void **state)
{
    const cJSON *one;
    cJSON *tree = text_data("forms.json");
    cJSON_ArrayForEach(one, tree)
    {
        struct dataset data;
        struct error err = ERROR_INIT;
        struct buffer text = BUFFER_INIT;
        const char *template = "", *columns = NULL, *form = "", *record = "";
        json_get_string(one, "template", &template);
        json_get_string(one, "columns", &columns);
        json_get_string(one, "form", &form);
        json_get_string(one, "record", &record);
        buffer_text(&text, record);
        bool undesired = strstr(record, "\"label\": false") || strstr(record, "\"kto_tag\": false");
        if (undesired)
            buffer_text(&text, "\n\"another\"");
        if (load(&data, *state, template, columns, text.data, &err) != 0)
            fail_msg("%s: %s", record, err.text);
        assert_int_equal(data.documents, 1 + undesired);
        assert_int_equal(data.undesired, undesired);
        data.tokens = data.offsets[1];
        same_tokens(&data, one, record);
        if (strcmp(data.recognised.items[0].text, form) != 0)
            fail_msg("%s: recognised as %s, expected %s", record, data.recognised.items[0].text,
                     form);
        same_notes(&data.unread, json_get(one, "unread"), record);
        dataset_free(&data);
        buffer_free(&text);
    }
    cJSON_Delete(tree);
}

/* Single quotes stand for double ones. */
static void with_quotes(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text);
    for (char *at = out; (at = strchr(at, '\'')); at++)
        *at = '"';
}

static void is_refused(const struct tokenizers *tokenizers, const char *quoted, const char *says,
                       const char *template, const char *columns)
{
    struct dataset data;
    struct error err = ERROR_INIT;
    char record[1024];
    with_quotes(record, sizeof record, quoted);
    if (load(&data, tokenizers, template, columns, record, &err) == 0)
        fail_msg("%s is not refused", record);
    if (!strstr(err.text, says))
        fail_msg("%s: \"%s\" does not say \"%s\"", record, err.text, says);
}

#define ASKS "{'role':'user','content':'a'}"
#define SAYS "{'role':'assistant','content':'b'}"
#define HUMAN "{'from':'human','value':'a'}"
#define GPT "{'from':'gpt','value':'b'}"

static void refuses_by_name(void **state)
{
    static const struct {
        const char *record, *says;
    } bad[] = {
        /* what is not there */
        {"{'text':null}", "jsonl:1: \"text\" is null"},
        {"{'text':3}", "\"text\" is not a text"},
        {"{'messages':null,'id':1}", "\"messages\" is null"},
        {"{'prompt':'a','completion':null}",
         "a prompt alone is not trained: \"completion\" is null"},
        {"{'prompt':'a','id':1}", "no \"completion\"; there are: \"prompt\", \"id\""},
        {"{'completion':'a'}", "no \"prompt\""},
        {"{'instruction':'a','response':'b'}", "no \"output\"; there are: \"instruction\", \"resp"},
        {"{'instruction':'a','output':null}", "\"output\" is null"},
        {"{'instruction':'a','output':3}", "\"output\" is not a text"},
        {"{'completion':'a','prompt':null}", "a completion is not trained without its prompt: "},
        {"{'question':'a','answer':'b'}",
         "--columns prompt=question,completion=answer; there are: "},
        {"{'prompt':'a','completions':['b'],'labels':[true]}", "stepwise"},
        /* preference pairs, with the columns that read them */
        {"{'chosen':[" ASKS "," SAYS "],'rejected':[" ASKS "," SAYS "]}",
         "preference pairs: \"chosen\" and \"rejected\" are for DPO and its like, which spectrum "
         "does "
         "not train; --columns messages=chosen trains"},
        {"{'prompt':'a','chosen':[" ASKS "," SAYS "],'rejected':[" ASKS "," SAYS "]}",
         "--columns messages=chosen trains"},
        {"{'prompt':'a','chosen':'b','rejected':'c'}",
         "--columns prompt=prompt,completion=chosen "},
        {"{'prompt':[" ASKS "],'chosen':[" SAYS "],'rejected':[" SAYS "]}",
         "--columns prompt=prompt,completion=chosen "},
        {"{'conversations':[" HUMAN "],'chosen':" GPT ",'rejected':" GPT "}",
         "--columns prompt=conversations,completion=chosen "},
        {"{'messages':[" ASKS "],'chosen':" SAYS ",'rejected':" SAYS "}",
         "--columns prompt=messages,completion=chosen "},
        {"{'instruction':'a','input':'','chosen':'b','rejected':'c'}",
         "--columns instruction=instruction,input=input,output=chosen "},
        {"{'system':'s','question':'a','chosen':'b','rejected':'c'}",
         "--columns prompt=question,completion=chosen "},
        {"{'chosen':'b','rejected':'c','score':1}", "--columns text=chosen trains on the chosen"},
        {"{'input':'a','chosen':'b','rejected':'c'}", "--columns prompt=input,completion=chosen "},
        {"{'dialog':'a','chosen':'b','rejected':'c'}",
         "--columns prompt=NAME,completion=chosen trains on the chosen answers alone, with the "
         "NAME "
         "of the column that has the prompt (text=chosen, where none has)"},
        {"{'messages':[" ASKS "],'chosen':'b','rejected':'c'}",
         "--columns prompt=messages,completion=chosen trains on the chosen answers alone, once jq "
         "-c "
         "'.chosen |= [{role: \"assistant\", content: .}]' has"},
        {"{'prompt':'a','chosen':['b'],'rejected':['c']}", "jq -c '.chosen |= .[0]' makes"},
        {"{'id':'x','chosen':'[{\\'role\\':\\'user\\',\\'content\\':\\'a\\'}]','rejected':'c'}",
         "--columns messages=chosen trains"},
        {"{'conversations':{'from':['human'],'value':['a']}}",
         "jq -c '.[\"conversations\"] |= [[.from, .value] | transpose[] | {from: .[0], value: "
         ".[1]}]'"},
        {"{'instruction':'a','chosen':'b','rejected':'c'}",
         "--columns instruction=instruction,output=chosen "},
        {"{'prompt':'a','chosen':'b','rejected':null}", "no \"completion\""},
        {"{'prompt':'a','chosen':[" SAYS "],'rejected':[" SAYS "]}",
         "with the NAME of the column that has the prompt, a list of turns"},
        {"{'instruction':'a','output':['b','c']}",
         "preference pair, for DPO and its like, which spectrum does not train; jq -c '.output |= "
         ".[0]'"},
        /* turns that are not where they are looked for */
        {"{'conversation':[" HUMAN "," GPT "]}",
         "\"conversation\" is a list of turns: --columns messages=conversation reads it"},
        {"{'role':'user','content':'a'}", "one turn of a conversation"},
        {"[" ASKS "," SAYS "]", "one turn of a conversation"},
        {"[[" ASKS "," SAYS "]]", "the record is a list of turns: expected an object that has it: "
                                  "jq -c '{messages: .}'"},
        /* two forms */
        {"{'messages':[" ASKS "," SAYS "],'conversations':[" HUMAN "," GPT "]}",
         "--columns messages=messages or --columns conversations=conversations"},
        {"{'messages':[" ASKS "],'completion':" SAYS "}",
         "--columns messages=messages or --columns prompt=messages,completion=completion"},
        {"{'messages':[" ASKS "," SAYS "],'instruction':'a','output':'b'}",
         "two forms in one record, \"messages\" and \"instruction\""},
        {"{'prompt':'a','completion':'b','instruction':'a','output':'b'}",
         "two forms in one record"},
        {"{'prompt':'a','completion':[" SAYS "]}", "both must be texts, or both lists of messages; "
                                                   "jq -c '.prompt |= [{role: \"user\", content: "
                                                   ".}]' makes"},
        {"{'prompt':[" ASKS "],'completion':'b'}", "jq -c '.completion |= [{role: \"assistant\", "},
        {"{'prompt':'a','completion':[" ASKS "," SAYS "]}", "--columns messages=completion reads"},
        {"{'prompt':'a','completion':1}", "both lists of messages; take such records out"},
        /* turns */
        {"{'messages':[" ASKS ",{'role':'narrator','content':'b'}]}",
         "message 2 of \"messages\": the role \"narrator\""},
        {"{'messages':[" ASKS ",{'role':'assistant','content':null}]}", "\"content\" is null"},
        {"{'messages':[" ASKS ",{'role':'assistant'}]}", "has no \"content\""},
        {"{'messages':[{'role':'user','content':'a','value':'b'}]}", "and they differ"},
        {"{'messages':[{'role':'user','content':[{'type':'image_url','image_url':{}}]}]}",
         "a part of type \"image_url\": spectrum trains on text alone"},
        {"{'messages':[{'role':'user','content':[{'type':'text'}]}]}", "without a text"},
        {"{'messages':[{'role':'user','content':[{'type':'text','text':'a','train':true}]}]}",
         "a part with a \"train\""},
        {"{'messages':[{'role':'user','content':[{'type':'text','text':'a','masked':false}]}]}",
         "a part with a \"masked\""},
        {"{'messages':[{'role':'user','content':[{'type':'text','text':'a','value':'b'}]}]}",
         "a \"value\" that is something else than its text"},
        {"{'messages':[{'role':'assistant','content':'a','train_detail':[]}]}", "\"train_detail\""},
        {"{'messages':[{'role':'user','content':[]}]}", "an empty list"},
        {"{'messages':[{'from':'human','value':'a','role':'assistant'}]}",
         "both a \"role\" and a \"from\", and they differ"},
        {"{'conversations':[{'from':'gpt','value':null}]}", "its \"value\" is null"},
        {"{'conversations':[{'from':'gpt','value':null,'content':null}]}", "\"content\" is null"},
        {"{'messages':[{'role':null,'content':'a'}]}", "its \"role\" is null"},
        {"{'conversations':[{'from':1,'value':'a'}]}", "its \"from\" is not a text"},
        {"{'messages':[{'role':'user','content':[{'type':'text','text':null}]}]}",
         "whose \"text\" is null"},
        {"{'conversations':[{'from':'function_call','value':null}]}", "whose value is null"},
        {"{'messages':[{'role':'assistant','content':null,'tool_calls':'[{}]'}]}",
         "its \"tool_calls\" is a text: a list is needed; jq -c '(.. | .tool_calls"},
        {"{'messages':[{'role':'assistant','content':'','tool_calls':{'name':'x'}}]}",
         "its \"tool_calls\" is not a list"},
        {"{'messages':[{'role':'assistant','content':'','tool_calls':[null]}]}", "is not a call"},
        {"{'messages':[{'role':'assistant','content':'','tool_calls':[{'function':{}}]}]}",
         "is not a call"},
        {"{'messages':{'role':'user','content':'a'}}", "not an array of messages"},
        {"{'messages':'[1]'}", "message 1 of \"messages\": it is not an object"},
        {"{'messages':'hello'}", "\"messages\": not an array of messages"},
        {"{'conversations':[{'from':'function_call','value':'weather()'}]}", "function_call: "},
        {"{'conversations':[{'from':'function_call','value':'{\\'name\\':\\'x\\'}'}]}",
         "without \"name\" and \"arguments\""},
        {"{'conversations':[{'from':'function_call','value':'{\\'name\\':\\'x\\',"
         "\\'arguments\\':{}}','tool_calls':[{'name':'z'}]}]}",
         "a \"tool_calls\" or \"function_call\" beside"},
        {"{'conversations':[" HUMAN ",{'from':'function_call','value':'{\\'name\\':\\'x\\',"
         "\\'arguments\\':{}}','reasoning_content':'r'}]}",
         "never looks at"},
        {"{'messages':[{'role':'user','content':'a','images':['x.png']}," SAYS "]}",
         "message 1 of \"messages\": its \"images\" has something in it"},
        {"{'messages':[{'role':'user','content':[{'type':'text','text':'a','image':'b'}]}]}",
         "its content's \"image\""},
        {"{'messages':[" ASKS ",{'role':'assistant','content':'b','loss':0.5}]}",
         "\"loss\" must be true or false"},
        {"{'messages':[" ASKS ",{'role':'assistant','content':'b','train':true,'masked':true}]}",
         "\"train\" and \"masked\" say different things"},
        {"{'messages':[" ASKS ",{'role':'assistant','content':'b','loss_scale':-1}]}",
         "\"loss_scale\" must be a number"},
        {"{'prompt':[" ASKS "],'completion':[]}", "\"completion\" is an array without messages"},
        /* beside them */
        {"{'messages':[{'role':'system','content':'s'}," ASKS "," SAYS "],'system':'t'}",
         "say different things; --columns system= "},
        {"{'messages':[" ASKS "," SAYS "],'tools':{'name':'x'}}", "\"tools\" is not a list"},
        {"{'messages':[" ASKS "," SAYS "],'tools':'none'}", "tools that are a text must be JSON"},
        {"{'messages':[" ASKS "," SAYS "],'tools':[1]}", "not an object; --columns tools= "},
        {"{'messages':[" ASKS "," SAYS "],'tools':['{}']}", "if it is JSON, jq's fromjson"},
        {"{'messages':[" ASKS "," SAYS "],'functions':[{}]}", "--columns tools=functions"},
        {"{'messages':[" ASKS "," SAYS "],'functions':'[{}]'}", "--columns tools=functions"},
        {"{'messages':[" ASKS "," SAYS "],'images':['a.png']}",
         "\"images\" has something in it, and spectrum trains on text alone"},
        {"{'messages':[" ASKS "," SAYS "],'audio':{'path':'a.wav'}}", "\"audio\""},
        {"{'messages':[" ASKS "," SAYS "],'history':[['a','b']]}", "--columns history= "},
        {"{'messages':[" ASKS "," SAYS "],'chat_template_kwargs':{'tools':[]}}", "sets \"tools\""},
        {"{'messages':[" ASKS "," SAYS "],'chat_template_kwargs':[]}", "is not an object"},
        {"{'text':'a','tools':[{'name':'x'}]}", "\"tools\" belongs to turns"},
        {"{'text':'a','system':'b'}", "--columns system= leaves it unread"},
        {"{'text':'a','image':{'bytes':'b'}}", "or name the columns of text with --columns"},
        {"{'prompt':'a','completion':'b','system':'c'}", "choose one with --template"},
        {"{'instruction':'a','output':'b','history':[['a']]}", "not [question, answer]"},
        {"{'instruction':'a','output':'b','history':'x'}", "--columns history= "},
        /* labels */
        {"{'prompt':'a','completion':'b','kto_tag':1}", "\"kto_tag\" is neither true nor false"},
        {"{'prompt':'a','completion':'b','label':0}",
         "the label \"label\" is 0 or 1: --columns label=label reads it as KTO's"},
        {"{'prompt':[" ASKS "],'completion':[" SAYS "],'label':1.0}", "is 0 or 1"},
        {"{'prompt':'a','completion':'b','label':'False'}", "if it is a class, --columns label= "},
        {"{'messages':[" ASKS "," SAYS "],'label':'true'}", "a text that says true or false"},
        {"{'prompt':'a','completion':'b','label':true,'kto_tag':false}", "say different things"},
        /* what a template would lose */
        {"{'messages':[" ASKS ",{'role':'assistant','content':'','tool_calls':[{'type':'function',"
         "'function':{'name':'x','arguments':{}}}]}]}",
         "tool_calls"},
        {"{'messages':[" ASKS ",{'role':'assistant','content':'','function_call':{'name':'x',"
         "'arguments':'{}'}}]}",
         "function_call"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        is_refused(*state, bad[i].record, bad[i].says, "own", NULL);
}

static void refuses_by_options(void **state)
{
    static const char texts[] = "none", own[] = "own";
    is_refused(*state, "{'instruction':'a','output':'b','history':[['a','b']]}", "--template",
               texts, NULL);
    is_refused(*state, "{'instruction':'a','output':'b','tools':[{'name':'x'}]}", "--template",
               texts, NULL);
    is_refused(*state, "{'messages':[" ASKS "," SAYS "]}", "--template", texts, NULL);
    is_refused(*state, "{'prompt':'a','completion':'b','good':2}", "the label \"good\" is neither",
               own, "label=good");
    is_refused(*state, "{'prompt':'a','completion':'b','label':2}", "neither true nor false", own,
               "label=label");
    is_refused(*state, "{'prompt':'a','completion':'b','label':[false]}", "neither true nor false",
               own, "label=label");
    is_refused(*state, "{'instruction':'a','context':'c','response':'b'}",
               "--columns names \"output\", and what it leaves out of that form is not looked for: "
               "name all of it, as in --columns instruction=instruction,output=response; there are",
               own, "output=response");
    is_refused(*state, "{'instruction':'a','context':'c','response':'b'}",
               "--columns instruction=instruction,input=context,output=NAME; there are", own,
               "input=context");
    is_refused(*state, "{'q':'a','completion':'c'}", "names prompt twice", own,
               "prompt=a,completion=c,prompt=q");
    is_refused(*state, "{'text':'a'}", "names system twice", own, "system=,system=s");
    is_refused(*state, "{'text':'a'}", "\"text\" is not a KEY=NAME of", own, "text=");
    is_refused(*state, "{'q':'a','b':'c'}", "--columns prompt=q,completion=NAME", own, "prompt=q");
}

static float weight_behind(const struct dataset *data, int32_t id)
{
    for (uint64_t i = 0; i < data->offsets[1]; i++)
        if (data->ids[i] == id)
            return data->weights[i];
    fail_msg("no such token");
    return -1;
}

/* How much a turn counts, as ms-swift and torchtune say it: of the user's Q, of the assistant's Z.
 */
static void weighs_turns_as_their_tools_do(void **state)
{
    static const struct {
        const char *user, *assistant;
        double q, z;
    } turns[] = {
        {"", "", 0, 1},
        {"", ",'loss':false", 0, 0},
        {"", ",'loss':true", 0, 1},
        {",'loss':true", ",'loss':null", 0, 1},
        {"", ",'masked':true", 0, 0},
        {",'masked':true", ",'masked':false", 0, 1},
        {",'masked':false", "", 1, 1},
        {"", ",'loss_scale':0.5", 0, 0.5},
        {"", ",'loss_scale':2,'loss':false", 0, 0},
    };
    const struct tokenizers *tokenizers = *state;
    for (size_t i = 0; i < sizeof turns / sizeof *turns; i++) {
        struct dataset data;
        struct error err = ERROR_INIT;
        char quoted[512], text[512];
        snprintf(
            quoted, sizeof quoted,
            "{'messages':[{'role':'user','content':'Q'%s},{'role':'assistant','content':'Z'%s}]"
            "}\n'another'",
            turns[i].user, turns[i].assistant);
        with_quotes(text, sizeof text, quoted);
        if (load(&data, *state, "own", NULL, text, &err) != 0)
            fail_msg("%s: %s", text, err.text);
        assert_float_equal(weight_behind(&data, tokenizer_token_id(tokenizers->own, "Q")),
                           turns[i].q, 1e-6);
        assert_float_equal(weight_behind(&data, tokenizer_token_id(tokenizers->own, "Z")),
                           turns[i].z, 1e-6);
        assert_int_equal(data.unread.count, 0);
        dataset_free(&data);
    }
}

/* What turns have that neither we nor the template read is named; what the template reads is not.
 */
static void names_members_that_are_not_read(void **state)
{
    char reads[] = "/tmp/spectrum-forms-XXXXXX.jinja";
    int fd = mkstemps(reads, 6);
    assert_true(fd >= 0);
    close(fd);
    write_text(reads,
               "{% for m in messages %}{{ m.role }}{{ m.content }}{{ m.thought }}{% endfor %}");
    const struct {
        const char *record, *unread[4], *template;
    } records[] = {
        {"{'messages':[{'role':'user','content':'a','thought':'t','id':1}," SAYS "]}",
         {"messages[].id"},
         reads},
        {"{'messages':[{'role':'user','from':'human','content':'a','value':'a'}," SAYS "]}",
         {NULL},
         "own"},
        /* what a table is filled with says nothing */
        {"{'messages':[" ASKS "," SAYS
         "],'conversations':[],'completion':'','prompt':'','chosen':'',"
         "'rejected':'','instruction':'','output':'','text':'','tools':' [ ]'}",
         {NULL},
         "own"},
        {"{'messages':[],'prompt':'','completion':'','text':'a b','images':[]}", {NULL}, "own"},
        {"{'messages':[" ASKS "," SAYS "],'chosen':'x','rejected':null}", {"chosen"}, "own"},
        {"{'messages':[{'role':'user','content':[{'type':'text','text':'','value':'b'}]}," SAYS
         "]}",
         {NULL},
         "own"},
        {"{'text':'a b','tools':'null'}", {"tools"}, "own"},
        {"{'system':'s t','messages':[{'role':'system','content':[{'type':'text','text':'s '},"
         "{'type':'text','text':'t'}]}," ASKS "," SAYS "]}",
         {NULL},
         "own"},
        {"{'conversations':[" HUMAN ",{'from':'function_call','value':'{\\'name\\':\\'x\\',"
         "\\'arguments\\':{},\\'id\\':\\'i\\',\\'why\\':1}','reasoning_content':'r','mood':'m'}]}",
         {"conversations[].mood", "conversations[].value.why"},
         "forms.jinja"},
        {"{'messages':[{'role':'user','content':'a','thought':'t','none':null,'empty':[]},"
         "{'role':'assistant','content':'b','id':7}]}",
         {"messages[].thought", "messages[].id"},
         "own"},
        {"{'messages':[{'role':'user','content':'a','name':'n'}," SAYS "],'id':1}",
         {"id", "messages[].name"},
         "own"},
        {"{'prompt':[{'role':'user','content':'a','thought':'t'}],'completion':[{'role':"
         "'assistant','content':'b','thought':'u'}]}",
         {"prompt[].thought", "completion[].thought"},
         "own"},
        {"{'messages':[{'role':'user','content':[{'type':'text','text':'a','cache_control':{'x':"
         "1}}]}," SAYS "]}",
         {"messages[].content[].cache_control"},
         "own"},
    };
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        struct dataset data;
        struct error err = ERROR_INIT;
        char text[1024];
        with_quotes(text, sizeof text, records[i].record);
        if (load(&data, *state, records[i].template, NULL, text, &err) != 0)
            fail_msg("%s: %s", text, err.text);
        size_t count = 0;
        for (; count < 4 && records[i].unread[count]; count++) {
            assert_true(count < data.unread.count);
            assert_string_equal(data.unread.items[count].text, records[i].unread[count]);
        }
        assert_int_equal(data.unread.count, count);
        dataset_free(&data);
    }
    unlink(reads);
}

/* A weight is named with the form, and --columns weight= leaves whatever says it unread. */
static void names_weights(void **state)
{
    static const struct {
        const char *record, *columns, *form;
        double weight;
    } records[] = {
        {"{'text':'Q','weight':70}", NULL, "text with weight", 70},
        {"{'text':'Q','weight':null}", NULL, "text", 1},
        {"{'prompt':'a ','completion':'Q','train':true}", NULL,
         "prompt and completion, texts with weight", 1},
        {"{'text':'Q','weight':'x','train':1,'loss_weight':-1,'train_detail':[]}",
         "weight=", "text", 1},
    };
    const struct tokenizers *tokenizers = *state;
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        struct dataset data;
        struct error err = ERROR_INIT;
        char text[512];
        with_quotes(text, sizeof text, records[i].record);
        if (load(&data, *state, "own", records[i].columns, text, &err) != 0)
            fail_msg("%s: %s", text, err.text);
        assert_string_equal(data.recognised.items[0].text, records[i].form);
        assert_float_equal(weight_behind(&data, tokenizer_token_id(tokenizers->own, "Q")),
                           records[i].weight, 1e-6);
        dataset_free(&data);
    }
    is_refused(tokenizers, "{'text':'a','train':1}", "(--columns weight= leaves that unread)",
               "own", NULL);
}

/* Labels that --columns names, whatever their spelling. */
static void reads_a_named_label(void **state)
{
    static const struct {
        const char *record, *columns;
        int undesired;
    } records[] = {
        {"{'prompt':'a','completion':'b','label':0}", "label=label", 1},
        {"{'prompt':'a','completion':'b','label':1}", "label=label", 0},
        {"{'prompt':'a','completion':'b','label':false}", "label=label", 1},
        {"{'prompt':'a','completion':'b','label':'False'}",
         "prompt=prompt,completion=completion,label=label", 1},
        {"{'prompt':'a','completion':'b','good':'true'}", "label=good", 0},
        {"{'prompt':'a','completion':'b','kto_tag':0}", "label=kto_tag", 1},
        {"{'text':'a b','label':0}", "label=label", 1},
        {"{'text':'a b','kto_tag':false}", NULL, 1},
        {"{'text':'a b','label':false}", NULL, 0},
        {"{'prompt':'a','completion':'b','label':0}", "label=", 0},
        {"{'messages':[" ASKS "," SAYS "],'label':0}", NULL, 0},
    };
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        struct dataset data;
        struct error err = ERROR_INIT;
        char text[1024];
        with_quotes(text, sizeof text, records[i].record);
        strcat(text, "\n\"another\"");
        if (load(&data, *state, "own", records[i].columns, text, &err) != 0)
            fail_msg("%s: %s", text, err.text);
        bool trained = false;
        for (uint64_t k = 0; k < data.offsets[1]; k++)
            trained |= data.weights[k] > 0;
        if ((int)data.undesired != records[i].undesired || trained == records[i].undesired)
            fail_msg("%s: %zu undesired, trained: %d", text, data.undesired, trained);
        dataset_free(&data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_as_its_tools_do),
        cmocka_unit_test(refuses_by_name),
        cmocka_unit_test(refuses_by_options),
        cmocka_unit_test(names_weights),
        cmocka_unit_test(reads_a_named_label),
        cmocka_unit_test(weighs_turns_as_their_tools_do),
        cmocka_unit_test(names_members_that_are_not_read),
    };
    return cmocka_run_group_tests(tests, open_tokenizers, close_tokenizers);
}

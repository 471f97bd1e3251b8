/* `spectrum info MODEL`: what is in a checkpoint. */
#include "base/json.h"
#include "base/text.h"
#include "base/utf8.h"
#include "model/model.h"
#include "tui/cli/command.h"
#include "tui/cli/options.h"

#include <inttypes.h>
#include <stdio.h>

struct totals {
    int64_t parameters, bytes;
    bool bytes_unknown, quantized;
};

static struct totals count(const struct model *model)
{
    struct totals totals = {.parameters = model_parameters(model)};
    for (size_t i = 0; i < model->module_count; i++) {
        totals.bytes += (int64_t)model->modules[i].tensor->bytes;
        totals.bytes_unknown |= model->modules[i].tensor->bytes_unknown;
        totals.quantized |= dtype_traits(model->modules[i].tensor->dtype)->quantized;
    }
    return totals;
}

static void put_shape(struct buffer *out, const struct tensor_info *tensor, const char *between)
{
    for (int i = 0; i < tensor->rank; i++)
        buffer_format(out, "%s%" PRId64, i ? between : "", tensor->shape[i]);
}

static void put_text(struct buffer *out, const struct model *model)
{
    const struct model_config *c = &model->config;
    struct totals totals = count(model);
    char path[4096];
    utf8_copy(path, sizeof path, checkpoint_path(model->checkpoint));
    buffer_format(out, "%s\n", path);
    buffer_format(out, "architecture  %s%s\n",
                  model->architecture_name ? model->architecture_name : "unknown",
                  model->architecture ? "" : " (not known: scanned by the names it has)");
    if (model->architecture)
        buffer_format(out,
                      "shape         %" PRId64 " layers, hidden %" PRId64 ", intermediate %" PRId64
                      ", %" PRId64 " heads, %" PRId64 " key-value heads, %" PRId64 " tokens%s\n",
                      c->layers, c->hidden, c->intermediate, c->heads, c->kv_heads, c->vocab,
                      c->tied ? ", tied embeddings" : "");
    buffer_format(out, "parameters    %" PRId64 " in %zu tensors, ", totals.parameters,
                  model->module_count);
    if (totals.bytes_unknown)
        buffer_text(out, "size on disk n/a: a type is not known\n");
    else
        buffer_format(out, "%s on disk\n", bytes_text((double)totals.bytes).text);
    if (totals.quantized)
        buffer_text(out, "quantised     yes: a scan sees the quantised model, not the original\n");
    buffer_text(out, "\n");
    for (size_t i = 0; i < model->module_count; i++) {
        const struct module *module = &model->modules[i];
        struct buffer shape = BUFFER_INIT;
        put_shape(&shape, module->tensor, " x ");
        buffer_format(out, "%-52s %-8s %-16s %12" PRId64 "\n", module->name,
                      module->tensor->dtype_name, buffer_string(&shape), module->parameters);
        buffer_free(&shape);
    }
}

static void put_config(struct buffer *out, const struct model_config *c)
{
    buffer_format(out,
                  "\"config\": {\"layers\": %" PRId64 ", \"hidden\": %" PRId64
                  ", \"intermediate\": %" PRId64 ", \"heads\": %" PRId64 ", \"kv_heads\": %" PRId64
                  ", \"head_dim\": %" PRId64 ", \"vocab\": %" PRId64 ", \"max_positions\": %" PRId64
                  ", \"tied\": %s}, ",
                  c->layers, c->hidden, c->intermediate, c->heads, c->kv_heads, c->head_dim,
                  c->vocab, c->max_positions, c->tied ? "true" : "false");
}

static void put_tensor(struct buffer *out, const struct module *module)
{
    buffer_text(out, "{\"name\": ");
    json_put_string(out, module->name);
    buffer_text(out, ", \"type\": ");
    json_put_string(out, module->type);
    buffer_text(out, ", \"dtype\": ");
    json_put_string(out, module->tensor->dtype_name);
    buffer_text(out, ", \"shape\": [");
    put_shape(out, module->tensor, ", ");
    buffer_format(out, "], \"parameters\": %" PRId64, module->parameters);
    if (!module->tensor->bytes_unknown)
        buffer_format(out, ", \"bytes\": %" PRIu64, module->tensor->bytes);
    buffer_byte(out, '}');
}

static void put_json(struct buffer *out, const struct model *model)
{
    struct totals totals = count(model);
    buffer_text(out, "{\"format\": \"spectrum.info\", \"version\": 1, \"path\": ");
    json_put_string(out, checkpoint_path(model->checkpoint));
    buffer_text(out, ", \"architecture\": ");
    if (model->architecture_name)
        json_put_string(out, model->architecture_name);
    else
        buffer_text(out, "null");
    buffer_text(out, ", ");
    if (model->architecture)
        put_config(out, &model->config);
    buffer_format(out, "\"parameters\": %" PRId64, totals.parameters);
    if (!totals.bytes_unknown)
        buffer_format(out, ", \"bytes\": %" PRId64, totals.bytes);
    buffer_format(out, ", \"quantized\": %s, \"tensors\": [", totals.quantized ? "true" : "false");
    for (size_t i = 0; i < model->module_count; i++) {
        buffer_text(out, i ? ",\n" : "\n");
        put_tensor(out, &model->modules[i]);
    }
    buffer_text(out, "]}\n");
}

struct request {
    const char *path;
    bool json;
};

#define AT(member) offsetof(struct request, member)

/* clang-format off */
static const struct option rows[] = {
    {.name = "json", .kind = OPTION_FLAG, .at = AT(json), .help = "strict JSON on standard output"},
};
/* clang-format on */
static const struct option_table table = {rows, sizeof rows / sizeof *rows};

static int run(int argc, char **argv, struct error *err)
{
    struct request r = {.path = NULL};
    struct model *model = NULL;
    struct buffer out = BUFFER_INIT;
    int status = options_parse_one(&command_info, &r, NULL,
                                   "info takes one MODEL: a folder, a .safetensors "
                                   "or a .gguf file, or a cached repository's name",
                                   argc, argv, &r.path, err);
    if (status == 0)
        status = model_open(&model, r.path, err);
    if (status == 0) {
        fputs(model_notes(model), stderr);
        (r.json ? put_json : put_text)(&out, model);
        status = buffer_check(&out, err);
    }
    if (status == 0)
        fwrite(out.data, 1, out.length, stdout);
    buffer_free(&out);
    model_close(model);
    return status > 0 ? 0 : status;
}

const struct command command_info = {
    .name = "info",
    .summary = "architecture, tensors, shapes, dtypes, sizes",
    .usage = "spectrum info MODEL [--json]",
    .options = &table,
    .run = run,
};

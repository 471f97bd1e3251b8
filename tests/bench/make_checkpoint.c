/* Makes a checkpoint with the shapes of a Llama 3 whose spectra are known: every matrix of its
 * blocks is noise of variance sigma^2 plus a few singular triples ("spikes") of known strength.
 *
 *     make_checkpoint FOLDER LAYERS [8b|70b] [SEED]
 *
 * FOLDER becomes a Hugging Face folder (config.json, shards in bf16, their index), and has a
 * truth.json beside: {"<module>": {"sigma": .., "spikes": [strengths, falling]}}. Written as it is
 * made: memory holds a few rows. What spikes look like in a scan: checkpoint.py. */
#include "base/buffer.h"
#include "base/file_writer.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/random.h"
#include "checkpoint/safetensors.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SPIKES_MAX = 6,
    PANEL_ROWS = 64, /* made at once, by all threads */
    LAYERS_PER_SHARD = 4,
    TENSORS_MAX = 9 * LAYERS_PER_SHARD,
};

static const struct size {
    const char *name;
    int64_t hidden, intermediate, heads, kv_heads, vocab;
} sizes[] = {{"8b", 4096, 14336, 32, 8, 128256}, {"70b", 8192, 28672, 64, 8, 128256}};

/* One tensor of a shard. */
struct tensor {
    char name[96]; /* with ".weight" */
    int64_t rows, cols;
    bool norm; /* 1 x cols of ones */
    bool spiked;
};

/* What a matrix is made of. */
struct planted {
    uint32_t key[2];
    double sigma, strength[SPIKES_MAX];
    int spikes;
    float *left, *right; /* spikes x rows, spikes x cols: orthonormal */
};

struct job {
    const char *folder;
    const struct size *size;
    int64_t layers;
    uint32_t seed, made; /* tensors so far */
    int64_t bytes;
    struct buffer map, truth;
};

/* `count` orthonormal vectors: random ones, through Gram and Schmidt. */
static float *orthonormal(int count, int64_t n, struct random_stream *stream)
{
    float *all = calloc((size_t)count * (size_t)n + 1, sizeof *all);
    for (int k = 0; all && k < count; k++) {
        float *vector = all + k * n;
        for (int64_t i = 0; i < n; i++)
            vector[i] = (float)random_normal(stream);
        for (int other = 0; other <= k; other++) { /* itself last: its length */
            const float *against = all + other * n;
            double dot = 0;
            for (int64_t i = 0; i < n; i++)
                dot += (double)against[i] * vector[i];
            for (int64_t i = 0; i < n; i++)
                vector[i] = other == k ? (float)(vector[i] / sqrt(dot))
                                       : (float)(vector[i] - dot * against[i]);
        }
    }
    return all;
}

/* Strengths stand clear of the noise's edge, sigma (sqrt(rows) + sqrt(cols)), and of one another.
 */
static int plant(struct planted *out, const struct job *job, const struct tensor *tensor,
                 struct error *err)
{
    struct random_stream stream = {.seed = (uint64_t)job->seed << 32 | job->made};
    *out = (struct planted){.key = {job->made, job->seed}};
    out->sigma = 0.01 * (1 + random_uniform(&stream));
    out->spikes = tensor->spiked ? (int)random_below(&stream, SPIKES_MAX + 1) : 0;
    double edge = out->sigma * (sqrt((double)tensor->rows) + sqrt((double)tensor->cols));
    for (int k = out->spikes; k-- > 0; edge *= 1.4)
        out->strength[k] = edge * (1.4 + 0.1 * random_uniform(&stream));
    out->left = orthonormal(out->spikes, tensor->rows, &stream);
    out->right = orthonormal(out->spikes, tensor->cols, &stream);
    return out->left && out->right ? 0 : error_set(err, "not enough memory");
}

/* Noise without logarithms: the sum of a word's four bytes has mean 510, variance 21845 and very
 * nearly the shape of a normal distribution. */
static void fill_row(float *row, const struct planted *planted, const struct tensor *tensor,
                     int64_t index)
{
    const float scale = (float)(planted->sigma / sqrt(21845));
    for (int64_t j = 0; j < tensor->cols; j += 4) {
        uint64_t block = (uint64_t)(index * tensor->cols + j) / 4;
        uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), 1, 0}, words[4];
        random_philox(planted->key, counter, words);
        for (int k = 0; k < 4; k++) {
            uint32_t pairs = (words[k] & 0xFF00FFu) + (words[k] >> 8 & 0xFF00FFu);
            row[j + k] = scale * (float)((int)((pairs & 0xFFFFu) + (pairs >> 16)) - 510);
        }
    }
    for (int k = 0; k < planted->spikes; k++) {
        const float *right = planted->right + k * tensor->cols;
        float left = (float)planted->strength[k] * planted->left[k * tensor->rows + index];
        for (int64_t j = 0; j < tensor->cols; j++)
            row[j] += left * right[j];
    }
}

static int put_panels(struct safetensors_writer *writer, const struct planted *planted,
                      const struct tensor *tensor, float *values, uint16_t *stored,
                      struct error *err)
{
    int64_t cols = tensor->cols;
    for (int64_t first = 0; first < tensor->rows; first += PANEL_ROWS) {
        int64_t left = tensor->rows - first, rows = left < PANEL_ROWS ? left : PANEL_ROWS;
#pragma omp parallel for
        for (int64_t i = 0; i < rows; i++) {
            fill_row(values + i * cols, planted, tensor, first + i);
            for (int64_t j = i * cols; j < (i + 1) * cols; j++)
                stored[j] = bf16_from_float(values[j]);
        }
        size_t bytes = (size_t)(rows * cols) * sizeof *stored;
        if (safetensors_writer_put(writer, stored, bytes, err) != 0)
            return -1;
    }
    return 0;
}

static int put_norm(struct safetensors_writer *writer, int64_t count, struct error *err)
{
    const uint16_t one = bf16_from_float(1);
    for (int64_t i = 0; i < count; i++)
        if (safetensors_writer_put(writer, &one, sizeof one, err) != 0)
            return -1;
    return 0;
}

static void put_truth(struct job *job, const struct tensor *tensor, const struct planted *planted)
{
    int length = (int)(strlen(tensor->name) - strlen(".weight"));
    buffer_format(&job->truth, "%s\n\"%.*s\": {\"sigma\": %.17g, \"spikes\": [",
                  job->truth.length ? "," : "{", length, tensor->name, planted->sigma);
    for (int k = 0; k < planted->spikes; k++)
        buffer_format(&job->truth, "%s%.17g", k ? ", " : "", planted->strength[k]);
    buffer_text(&job->truth, "]}");
}

static int put_matrix(struct safetensors_writer *writer, struct job *job,
                      const struct tensor *tensor, struct error *err)
{
    struct planted planted;
    size_t panel = (size_t)(PANEL_ROWS * tensor->cols);
    float *values = array_alloc(panel, sizeof *values, err);
    uint16_t *stored = array_alloc(panel, sizeof *stored, err);
    int status = plant(&planted, job, tensor, err);
    if (!values || !stored)
        status = -1;
    if (status == 0)
        status = put_panels(writer, &planted, tensor, values, stored, err);
    if (tensor->spiked)
        put_truth(job, tensor, &planted);
    free(values);
    free(stored);
    free(planted.left);
    free(planted.right);
    return status;
}

static int put_shard(struct job *job, const struct tensor *tensors, size_t count, const char *name,
                     struct error *err)
{
    static const char *const metadata[] = {"format", "pt", NULL};
    struct safetensors_entry entries[TENSORS_MAX];
    struct safetensors_writer writer;
    for (size_t i = 0; i < count; i++) {
        const struct tensor *tensor = &tensors[i];
        entries[i] =
            (struct safetensors_entry){tensor->name,
                                       DTYPE_BF16,
                                       tensor->norm ? 1 : 2,
                                       {tensor->norm ? tensor->cols : tensor->rows, tensor->cols}};
        buffer_format(&job->map, "%s\n\"%s\": \"%s\"", job->map.length ? "," : "", tensor->name,
                      name);
        job->bytes += 2 * tensor->rows * tensor->cols;
    }
    char *path = path_join(job->folder, name, err);
    int status = path ? safetensors_writer_open(&writer, path, entries, count, metadata, err) : -1;
    free(path);
    if (status != 0)
        return -1;
    for (size_t i = 0; status == 0 && i < count; i++, job->made++)
        status = tensors[i].norm ? put_norm(&writer, tensors[i].cols, err)
                                 : put_matrix(&writer, job, &tensors[i], err);
    if (status == 0)
        return safetensors_writer_commit(&writer, err);
    safetensors_writer_abort(&writer);
    return -1;
}

static size_t list_block(struct tensor *out, const struct size *size, int64_t layer)
{
    int64_t kv = size->hidden / size->heads * size->kv_heads;
    const struct {
        const char *name;
        int64_t rows, cols;
    } parts[] = {
        {"input_layernorm", 1, size->hidden},
        {"mlp.down_proj", size->hidden, size->intermediate},
        {"mlp.gate_proj", size->intermediate, size->hidden},
        {"mlp.up_proj", size->intermediate, size->hidden},
        {"post_attention_layernorm", 1, size->hidden},
        {"self_attn.k_proj", kv, size->hidden},
        {"self_attn.o_proj", size->hidden, size->hidden},
        {"self_attn.q_proj", size->hidden, size->hidden},
        {"self_attn.v_proj", kv, size->hidden},
    };
    enum { PARTS = sizeof parts / sizeof *parts };
    for (size_t i = 0; i < PARTS; i++) {
        bool norm = parts[i].rows == 1;
        out[i] = (struct tensor){
            .rows = parts[i].rows, .cols = parts[i].cols, .norm = norm, .spiked = !norm};
        snprintf(out[i].name, sizeof out[i].name, "model.layers.%" PRId64 ".%s.weight", layer,
                 parts[i].name);
    }
    return PARTS;
}

/* The shards of the blocks, then one of what is outside them. */
static int put_shards(struct job *job, struct error *err)
{
    const struct size *size = job->size;
    struct tensor tensors[TENSORS_MAX];
    const struct tensor outside[] = {
        {"lm_head.weight", size->vocab, size->hidden, false, false},
        {"model.embed_tokens.weight", size->vocab, size->hidden, false, false},
        {"model.norm.weight", 1, size->hidden, true, false},
    };
    int shards = (int)((job->layers + LAYERS_PER_SHARD - 1) / LAYERS_PER_SHARD) + 1;
    char name[64];
    for (int shard = 1; shard <= shards; shard++) {
        int64_t layer = (int64_t)(shard - 1) * LAYERS_PER_SHARD, end = layer + LAYERS_PER_SHARD;
        size_t count = 0;
        for (; layer < end && layer < job->layers; layer++)
            count += list_block(tensors + count, size, layer);
        snprintf(name, sizeof name, "model-%05d-of-%05d.safetensors", shard, shards);
        if (put_shard(job, count ? tensors : outside, count ? count : 3, name, err) != 0)
            return -1;
    }
    return 0;
}

/* Takes over the text. */
static int save(const char *folder, const char *name, struct buffer *text, struct error *err)
{
    char *path = path_join(folder, name, err);
    int status =
        path && buffer_check(text, err) == 0 ? file_save(path, text->data, text->length, err) : -1;
    free(path);
    buffer_free(text);
    return status;
}

static int put_texts(struct job *job, struct error *err)
{
    const struct size *size = job->size;
    struct buffer index = BUFFER_INIT, config = BUFFER_INIT;
    buffer_format(&index, "{\"metadata\": {\"total_size\": %" PRId64 "}, \"weight_map\": {%s\n}}\n",
                  job->bytes, buffer_string(&job->map));
    buffer_format(&config,
                  "{\"architectures\": [\"LlamaForCausalLM\"], \"model_type\": \"llama\",\n"
                  " \"hidden_size\": %" PRId64 ", \"intermediate_size\": %" PRId64
                  ", \"num_hidden_layers\": %" PRId64 ",\n \"num_attention_heads\": %" PRId64
                  ", \"num_key_value_heads\": %" PRId64 ", \"vocab_size\": %" PRId64
                  ",\n \"max_position_embeddings\": 8192, \"rms_norm_eps\": 1e-05, \"rope_theta\": "
                  "500000.0,\n"
                  " \"hidden_act\": \"silu\", \"tie_word_embeddings\": false, \"torch_dtype\": "
                  "\"bfloat16\"}\n",
                  size->hidden, size->intermediate, job->layers, size->heads, size->kv_heads,
                  size->vocab);
    buffer_text(&job->truth, "\n}\n");
    buffer_free(&job->map);
    int status = save(job->folder, "model.safetensors.index.json", &index, err);
    status |= save(job->folder, "config.json", &config, err);
    status |= save(job->folder, "truth.json", &job->truth, err);
    return status;
}

int main(int argc, char **argv)
{
    struct error err = ERROR_INIT;
    struct job job = {.map = BUFFER_INIT, .truth = BUFFER_INIT, .seed = 42};
    const char *name = argc > 3 ? argv[3] : "8b";
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (strcmp(sizes[i].name, name) == 0)
            job.size = &sizes[i];
    job.folder = argc > 1 ? argv[1] : "";
    job.layers = argc > 2 ? atol(argv[2]) : 0;
    if (argc > 4)
        job.seed = (uint32_t)atol(argv[4]);
    if (argc < 3 || argc > 5 || !job.size || job.layers < 1) {
        fprintf(stderr, "make_checkpoint FOLDER LAYERS [8b|70b] [SEED]\n");
        return 2;
    }
    if (folder_make(job.folder, &err) == 0 && put_shards(&job, &err) == 0 &&
        put_texts(&job, &err) == 0)
        return 0;
    fprintf(stderr, "make_checkpoint: %s\n", err.text);
    return 1;
}

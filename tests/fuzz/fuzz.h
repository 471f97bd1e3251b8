/* What the fuzz targets share: a folder of their own that stands for all that a user has, files in
 * it, and a small model. A target takes any bytes and must come back without a crash, a leak or
 * undefined behaviour, whatever the readers say about them. */
#ifndef SPECTRUM_TESTS_FUZZ_H
#define SPECTRUM_TESTS_FUZZ_H

#include "base/error.h"
#include "base/text.h"
#include "checkpoint/safetensors.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char fuzz_path_of_folder[64];

static void fuzz_remove_folder(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", fuzz_path_of_folder);
    if (system(command) != 0)
        fprintf(stderr, "%s is left over\n", fuzz_path_of_folder);
}

/* Made on first use, in memory where the system has such a place, and removed at exit. Caches and
 * states that a reader looks for are looked for in it. */
static inline const char *fuzz_folder(void)
{
    static const char *const homes[] = {
        "HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "HF_HOME", "HF_HUB_CACHE"};
    if (fuzz_path_of_folder[0])
        return fuzz_path_of_folder;
    snprintf(fuzz_path_of_folder, sizeof fuzz_path_of_folder, "%s/spectrum-fuzz-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(fuzz_path_of_folder))
        abort();
    atexit(fuzz_remove_folder);
    for (size_t i = 0; i < sizeof homes / sizeof *homes; i++)
        setenv(homes[i], fuzz_path_of_folder, 1);
    return fuzz_path_of_folder;
}

/* The path of a file of that folder; good until the next call. */
static inline const char *fuzz_path(const char *name)
{
    static char path[192];
    snprintf(path, sizeof path, "%s/%s", fuzz_folder(), name);
    return path;
}

/* Writes a file of that folder, over what was there, and returns its path. */
static inline const char *fuzz_file(const char *name, const void *data, size_t size)
{
    const char *path = fuzz_path(name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size || close(fd) != 0)
        abort();
    return path;
}

/* Ends the run where a failure has no message, or one that a terminal cannot show on a line. True
 * on success. */
static inline bool fuzz_ok(int status, const struct error *err)
{
    if (status != 0 && (!err->text[0] || !utf8_printable(err->text))) {
        fprintf(stderr, "a failure without a proper message: \"%s\"\n", err->text);
        abort();
    }
    return status == 0;
}

/* A NUL-ended copy of the input in memory of its own size, so that reading beyond it shows. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text)
        abort();
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

/* model.safetensors: a Llama of one block with 8 channels, 2 heads of 4 and 16 tokens, with the
 * biases of a Qwen2, all zero. */
static inline void fuzz_model(void)
{
#define BLOCK "model.layers.0."
    static const struct safetensors_entry entries[] = {
        {"model.embed_tokens.weight", DTYPE_F32, 2, {16, 8}},
        {"model.norm.weight", DTYPE_F32, 1, {8}},
        {BLOCK "input_layernorm.weight", DTYPE_F32, 1, {8}},
        {BLOCK "post_attention_layernorm.weight", DTYPE_F32, 1, {8}},
        {BLOCK "self_attn.q_proj.weight", DTYPE_F32, 2, {8, 8}},
        {BLOCK "self_attn.q_proj.bias", DTYPE_F32, 1, {8}},
        {BLOCK "self_attn.k_proj.weight", DTYPE_F32, 2, {4, 8}},
        {BLOCK "self_attn.k_proj.bias", DTYPE_F32, 1, {4}},
        {BLOCK "self_attn.v_proj.weight", DTYPE_F32, 2, {4, 8}},
        {BLOCK "self_attn.v_proj.bias", DTYPE_F32, 1, {4}},
        {BLOCK "self_attn.o_proj.weight", DTYPE_F32, 2, {8, 8}},
        {BLOCK "mlp.gate_proj.weight", DTYPE_F32, 2, {12, 8}},
        {BLOCK "mlp.up_proj.weight", DTYPE_F32, 2, {12, 8}},
        {BLOCK "mlp.down_proj.weight", DTYPE_F32, 2, {8, 12}},
        {"lm_head.weight", DTYPE_F32, 2, {16, 8}},
    };
#undef BLOCK
    static const char zeros[(16 * 8 * 2 + 8 * 4 + 4 * 2 + 8 * 8 * 2 + 4 * 8 * 2 + 12 * 8 * 3) * 4];
    struct safetensors_writer writer;
    if (safetensors_writer_open(&writer, fuzz_path("model.safetensors"), entries,
                                sizeof entries / sizeof *entries, NULL, NULL) != 0 ||
        safetensors_writer_put(&writer, zeros, sizeof zeros, NULL) != 0 ||
        safetensors_writer_commit(&writer, NULL) != 0)
        abort();
}

#endif

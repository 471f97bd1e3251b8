/* The YAML of a file of options (run_config.h). */
#ifndef SPECTRUM_JOB_RUN_CONFIG_YAML_H
#define SPECTRUM_JOB_RUN_CONFIG_YAML_H

#include "job/run_config_values.h"

/* Adds all that it says to the config, which has its path and folder. */
int run_config_read_yaml(struct run_config *config, const char *text, size_t length,
                         struct error *err);

#endif

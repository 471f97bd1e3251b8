/* TLS for hub_server, by OpenSSL, with a certificate of its own that no system trusts.
 */
#ifndef SPECTRUM_TESTS_HUB_TLS_H
#define SPECTRUM_TESTS_HUB_TLS_H

#include <stdbool.h>
#include <stddef.h>

struct tls;

/* Makes a key and a certificate for 127.0.0.1, and writes the certificate as FOLDER/certificate.pem and
 * in FOLDER/certificates, under the name that OpenSSL looks for there. */
bool tls_start(const char *folder);

/* A server's side of the connection; NULL: there is none. tls_end() leaves the descriptor open. */
struct tls *tls_accept(int fd);
long tls_read(struct tls *tls, void *out, size_t count);
long tls_write(struct tls *tls, const void *bytes, size_t count);
void tls_end(struct tls *tls);

#endif

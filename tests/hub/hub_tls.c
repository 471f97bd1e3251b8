#include "hub_tls.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/stat.h>

static SSL_CTX *context;

static bool add_extension(X509 *certificate, int kind, const char *value)
{
    X509V3_CTX about;
    X509V3_set_ctx_nodb(&about);
    X509V3_set_ctx(&about, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &about, kind, value);
    bool added = extension && X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    return added;
}

/* Signed by itself, from yesterday to tomorrow. */
static X509 *make_certificate(EVP_PKEY *key)
{
    enum { DAY = 24 * 3600 };
    X509 *certificate = X509_new();
    if (!certificate)
        return NULL;
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -DAY);
    X509_gmtime_adj(X509_getm_notAfter(certificate), DAY);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"a test's hub", -1,
                               -1, 0);
    X509_set_issuer_name(certificate, name);
    if (add_extension(certificate, NID_subject_alt_name, "IP:127.0.0.1") &&
        add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE") &&
        X509_sign(certificate, key, EVP_sha256()) > 0)
        return certificate;
    X509_free(certificate);
    return NULL;
}

static bool save(const char *path, X509 *certificate)
{
    FILE *file = fopen(path, "w");
    bool saved = file && PEM_write_X509(file, certificate) == 1;
    return file && fclose(file) == 0 && saved;
}

bool tls_start(const char *folder)
{
    char path[4096];
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = key ? make_certificate(key) : NULL;
    context = SSL_CTX_new(TLS_server_method());
    bool started = certificate && context && SSL_CTX_use_certificate(context, certificate) == 1 &&
                   SSL_CTX_use_PrivateKey(context, key) == 1;
    snprintf(path, sizeof path, "%s/certificates", folder);
    started = started && mkdir(path, 0777) == 0;
    if (started)
        snprintf(path, sizeof path, "%s/certificates/%08lx.0", folder,
                 X509_subject_name_hash(certificate));
    started = started && save(path, certificate);
    snprintf(path, sizeof path, "%s/certificate.pem", folder);
    started = started && save(path, certificate);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return started;
}

struct tls *tls_accept(int fd)
{
    SSL *ssl = SSL_new(context);
    if (ssl && SSL_set_fd(ssl, fd) == 1 && SSL_accept(ssl) == 1)
        return (struct tls *)ssl;
    SSL_free(ssl);
    return NULL;
}

long tls_read(struct tls *tls, void *out, size_t count)
{
    return SSL_read((SSL *)tls, out, (int)count);
}

long tls_write(struct tls *tls, const void *bytes, size_t count)
{
    return SSL_write((SSL *)tls, bytes, (int)count);
}

void tls_end(struct tls *tls)
{
    SSL_shutdown((SSL *)tls);
    SSL_free((SSL *)tls);
}

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

/* An HTTP/1.1 server on a loop, for tests to play an API server on 127.0.0.1, faults included. */

struct api_server;
struct api_connection;

struct api_server *api_server_new(uv_loop_t *loop,
                                  void (*request)(void *data, struct api_connection *connection,
                                                  const char *method, const char *target),
                                  void *data);
unsigned api_server_port(const struct api_server *server);
/* The request's head, and its body. */
const char *api_head(const struct api_connection *connection);
const char *api_body(const struct api_connection *connection);
/* What a test keeps of a connection; gone is called when it is closed, by whichever side. */
void api_keep(struct api_connection *connection, void *data, void (*gone)(void *data));

/* A whole answer; headers are lines that end in \r\n, or "". */
void api_answer(struct api_connection *connection, int status, const char *headers,
                const char *body);
/* One in parts. */
void api_begin(struct api_connection *connection);
void api_send(struct api_connection *connection, const char *bytes, size_t n);
void api_end(struct api_connection *connection);
/* Bytes as they are, whatever they mean. */
void api_send_raw(struct api_connection *connection, const char *bytes, size_t n);
/* After what was sent. */
void api_cut(struct api_connection *connection);

/* All connections too. */
void api_server_close(struct api_server *server);

#include <stddef.h>

/*
 * Connects to PostgreSQL (libpq's keywords), makes the tables and begins to record. How many messages
 * are marked stands in FILE.marked.
 */
void record_in(const char *where, const char *file);

/* Records a copied message soon. */
void record(const char *queue_id, const char *bytes, size_t length);

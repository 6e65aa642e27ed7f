-- Run before the migrations at every start, by whoever migrates: roles, the schema, and the list of
-- what has been applied. Each step acts only where something is missing, so that a role that may
-- create nothing can migrate too, once an administrator has run this file.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'yuzuri_migrate') THEN
        CREATE ROLE yuzuri_migrate NOLOGIN NOINHERIT;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL; -- another process was first: roles belong to the whole server
END
$$;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'yuzuri_serve') THEN
        CREATE ROLE yuzuri_serve NOLOGIN NOINHERIT;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END
$$;

-- Since PostgreSQL 16 the creator of a role may give it away, but may not act as it by itself.
DO $$
BEGIN
    SET LOCAL ROLE yuzuri_migrate;
    RESET ROLE;
EXCEPTION WHEN insufficient_privilege THEN
    GRANT yuzuri_migrate, yuzuri_serve TO CURRENT_USER;
END
$$;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'yuzuri') THEN
        CREATE SCHEMA yuzuri AUTHORIZATION yuzuri_migrate;
    END IF;
END
$$;

SET LOCAL ROLE yuzuri_migrate;

DO $$
BEGIN
    IF to_regclass('yuzuri.migration') IS NULL THEN
        GRANT USAGE ON SCHEMA yuzuri TO yuzuri_serve;
        CREATE TABLE yuzuri.migration (
            version integer PRIMARY KEY CHECK (version > 0),
            name text NOT NULL,
            sha256 text NOT NULL,
            applied_at timestamptz NOT NULL DEFAULT now()
        );
        GRANT SELECT ON yuzuri.migration TO yuzuri_serve;
    END IF;
END
$$;

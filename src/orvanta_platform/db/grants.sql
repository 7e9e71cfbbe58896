-- What the application's role may do; :app is that role. It owns nothing.
GRANT USAGE ON SCHEMA public TO :app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO :app;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO :app;
REVOKE ALL ON migration FROM :app;
GRANT SELECT ON migration TO :app;
REVOKE UPDATE, DELETE, TRUNCATE ON audit FROM :app;
REVOKE UPDATE, DELETE, TRUNCATE ON audit_link FROM :app;
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON audit_checkpoint FROM :app;

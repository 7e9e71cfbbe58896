-- Run once, line by line, by the server alone while nobody can connect: the embedded database and its roles.
CREATE ROLE orvanta_owner LOGIN CREATEDB PASSWORD ':owner_password'
CREATE ROLE orvanta_app LOGIN PASSWORD ':app_password'
GRANT pg_monitor, pg_signal_backend TO orvanta_owner
CREATE DATABASE orvanta OWNER orvanta_owner
REVOKE CONNECT, TEMPORARY ON DATABASE orvanta FROM PUBLIC
GRANT CONNECT ON DATABASE orvanta TO orvanta_app

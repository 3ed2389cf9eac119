-- What each database tells of itself, as Snowflake documents it. Views that hold SQL texts of others, rights or files
-- are not here: what they show is unknown.
create table columns (
  table_catalog varchar, table_schema varchar, table_name varchar, column_name varchar, ordinal_position number,
  column_default varchar, is_nullable varchar, data_type varchar, character_maximum_length number,
  character_octet_length number, numeric_precision number, numeric_precision_radix number, numeric_scale number,
  datetime_precision number, interval_type varchar, interval_precision number, character_set_catalog varchar,
  character_set_schema varchar, character_set_name varchar, collation_catalog varchar, collation_schema varchar,
  collation_name varchar, domain_catalog varchar, domain_schema varchar, domain_name varchar, udt_catalog varchar,
  udt_schema varchar, udt_name varchar, scope_catalog varchar, scope_schema varchar, scope_name varchar,
  maximum_cardinality number, dtd_identifier varchar, is_self_referencing varchar, is_identity varchar,
  identity_generation varchar, identity_start varchar, identity_increment varchar, identity_maximum varchar,
  identity_minimum varchar, identity_cycle varchar, identity_ordered varchar, schema_evolution_record varchar,
  comment varchar);
create table databases (
  database_name varchar, database_owner varchar, is_transient varchar, comment varchar, created timestamp_ltz,
  last_altered timestamp_ltz, retention_time number, type varchar);
create table referential_constraints (
  constraint_catalog varchar, constraint_schema varchar, constraint_name varchar, unique_constraint_catalog varchar,
  unique_constraint_schema varchar, unique_constraint_name varchar, match_option varchar, update_rule varchar,
  delete_rule varchar, comment varchar, created timestamp_ltz, last_altered timestamp_ltz);
create table schemata (
  catalog_name varchar, schema_name varchar, schema_owner varchar, is_transient varchar, is_managed_access varchar,
  retention_time number, default_character_set_catalog varchar, default_character_set_schema varchar,
  default_character_set_name varchar, sql_path varchar, created timestamp_ltz, last_altered timestamp_ltz,
  comment varchar);
create table table_constraints (
  constraint_catalog varchar, constraint_schema varchar, constraint_name varchar, table_catalog varchar,
  table_schema varchar, table_name varchar, constraint_type varchar, is_deferrable varchar, initially_deferred varchar,
  enforced varchar, comment varchar, created timestamp_ltz, last_altered timestamp_ltz, rely varchar);
create table tables (
  table_catalog varchar, table_schema varchar, table_name varchar, table_owner varchar, table_type varchar,
  is_transient varchar, clustering_key varchar, row_count number, bytes number, retention_time number,
  self_referencing_column_name varchar, reference_generation varchar, user_defined_type_catalog varchar,
  user_defined_type_schema varchar, user_defined_type_name varchar, is_insertable_into varchar, is_typed varchar,
  commit_action varchar, created timestamp_ltz, last_altered timestamp_ltz, last_ddl timestamp_ltz,
  last_ddl_by varchar, auto_clustering_on varchar, comment varchar, is_temporary varchar, is_iceberg varchar,
  is_dynamic varchar, is_immutable varchar, is_hybrid varchar);
create table views (
  table_catalog varchar, table_schema varchar, table_name varchar, table_owner varchar, view_definition varchar,
  check_option varchar, is_updatable varchar, insertable_into varchar, is_secure varchar, created timestamp_ltz,
  last_altered timestamp_ltz, last_ddl timestamp_ltz, last_ddl_by varchar, comment varchar);

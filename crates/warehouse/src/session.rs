//! What a request runs under: names, variables, and where unqualified names are looked up.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::tokenizer::Token;
use domain::{Context, ObjectName};

use crate::errors::SnowflakeError;
use crate::store::{INFORMATION_SCHEMA, Store};

/// The one role.
pub(crate) const ROLE: &str = "ANALYST";
/// The one warehouse.
pub(crate) const WAREHOUSE: &str = "DEMO_WH";
/// The one user.
pub(crate) const USER: &str = "SNOWGATE_DEMO";

/// A request's session; it ends with the request.
#[derive(Clone, Default)]
pub(crate) struct Session {
    /// Current database.
    pub database: Option<String>,
    /// Current schema.
    pub schema: Option<String>,
    /// Session variables by upper-case name.
    pub variables: BTreeMap<String, Vec<Token>>,
    /// What one name means instead, while a statement that writes computes its rows.
    pub stand_in: Option<(ObjectName, Arc<dyn TableProvider>)>,
}

impl Session {
    /// The session of a request that names this context.
    pub fn new(context: &Context, store: &Store) -> Result<Self, SnowflakeError> {
        if let Some(role) = context.role.as_deref()
            && role != ROLE
        {
            return Err(unknown_role(role));
        }
        if let Some(warehouse) = context.warehouse.as_deref()
            && warehouse != WAREHOUSE
        {
            return Err(SnowflakeError::invalid_context("warehouse", warehouse));
        }
        let mut session = Self::default();
        if let Some(database) = context.database.as_deref() {
            if !store.databases().iter().any(|d| d == database) {
                return Err(SnowflakeError::invalid_context("database", database));
            }
            session.use_database(database, store);
        }
        if let Some(schema) = context.schema.as_deref() {
            let database = session.database.clone().ok_or_else(SnowflakeError::no_database)?;
            if !store.has_schema(&database, schema) && schema != INFORMATION_SCHEMA {
                return Err(SnowflakeError::invalid_context("schema", schema));
            }
            session.schema = Some(schema.to_owned());
        }
        Ok(session)
    }

    /// Makes a database the current one, with its schema PUBLIC where it has one.
    pub fn use_database(&mut self, database: &str, store: &Store) {
        self.schema = store.has_schema(database, "PUBLIC").then(|| "PUBLIC".to_owned());
        self.database = Some(database.to_owned());
    }

    /// The full name that a written name means here.
    pub fn resolve(&self, name: &ast::ObjectName) -> Result<ObjectName, SnowflakeError> {
        let parts = parts(name)?;
        let mut parts = parts.into_iter().rev();
        let object = parts.next().ok_or_else(|| SnowflakeError::unsupported("an empty name"))?;
        let schema = match parts.next() {
            Some(schema) => schema,
            None => self.schema.clone().ok_or_else(SnowflakeError::no_database)?,
        };
        let database = match parts.next() {
            Some(database) => database,
            None => self.database.clone().ok_or_else(SnowflakeError::no_database)?,
        };
        if parts.next().is_some() {
            return Err(SnowflakeError::missing("Object", &name.to_string()));
        }
        Ok(ObjectName::new(database, schema, object))
    }

    /// The (database, schema) that a written schema name means here.
    pub fn resolve_schema(&self, name: &ast::ObjectName) -> Result<(String, String), SnowflakeError> {
        let mut parts = parts(name)?.into_iter().rev();
        let schema = parts.next().ok_or_else(|| SnowflakeError::unsupported("an empty name"))?;
        let database = match parts.next() {
            Some(database) => database,
            None => self.database.clone().ok_or_else(SnowflakeError::no_database)?,
        };
        Ok((database, schema))
    }
}

/// The stored spelling of each part of a name.
pub(crate) fn parts(name: &ast::ObjectName) -> Result<Vec<String>, SnowflakeError> {
    let part = |part: &ast::ObjectNamePart| match part {
        ast::ObjectNamePart::Identifier(ident) => Ok(ident.value.clone()),
        ast::ObjectNamePart::Function(_) => Err(SnowflakeError::unsupported("IDENTIFIER()")),
    };
    name.0.iter().map(part).collect()
}

/// USE ROLE, or a request's role, that this account does not have.
pub(crate) fn unknown_role(role: &str) -> SnowflakeError {
    SnowflakeError::new(
        "003013",
        "42501",
        format!(
            "SQL access control error:\nRequested role '{role}' is not assigned to the executing user. Specify another role to activate."
        ),
    )
}

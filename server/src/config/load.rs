//! Where the settings come from: layers, the last one winning.

use std::collections::BTreeMap;
use std::path::PathBuf;

use toml::{Table, Value};

use super::{Config, DEFAULTS, SECRET};

const FILE: &str = "mainspring.toml";
const PREFIX: &str = "MAINSPRING__";

/// What comes from outside the defaults.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// A file that must exist; without it, `./mainspring.toml` where there is one.
    pub file: Option<PathBuf>,
    /// `--listen`.
    pub listen: Option<String>,
    /// `--data`.
    pub data: Option<String>,
    /// `--role`, by their names.
    pub roles: Vec<String>,
    /// The environment.
    pub environment: BTreeMap<String, String>,
}

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the settings file {0} cannot be read")]
    Unreadable(String, #[source] std::io::Error),
    /// The file is no TOML.
    #[error("{0} is not a settings file: {1}")]
    Syntax(String, String),
    /// A setting does not exist, or has a value of the wrong kind.
    #[error("{0}; `mainspring config default` lists every setting")]
    Wrong(String),
}

/// Reads every layer and checks the whole.
///
/// # Errors
/// [`ConfigError`].
pub fn load(overrides: &Overrides) -> Result<Config, ConfigError> {
    let mut settings = Table::new();
    let mut origins = BTreeMap::new();
    let mut merge = |layer: Table, origin: &str| {
        for (section, value) in layer {
            let Value::Table(values) = value else {
                return Err(ConfigError::Wrong(format!("{section} in {origin} is no section")));
            };
            for (key, value) in values {
                let name = format!("{section}.{key}");
                if origin != "default" && !origins.contains_key(&name) {
                    return Err(ConfigError::Wrong(format!("there is no setting {name} (from {origin})")));
                }
                // Without its text, which may be a secret.
                let is_list = settings.get(&section).and_then(|known| known.get(&key)).is_some_and(Value::is_array);
                if is_list && !value.is_array() {
                    return Err(ConfigError::Wrong(format!("{name} (from {origin}) is no list as TOML writes one")));
                }
                let shown = value.to_string();
                let hidden = SECRET.contains(&name.as_str()) && !["[]", "\"\""].contains(&shown.as_str());
                origins.insert(name, (if hidden { "[secret]".to_owned() } else { shown }, origin.to_owned()));
                let section = settings.entry(section.clone()).or_insert_with(|| Table::new().into());
                section.as_table_mut().and_then(|table| table.insert(key, value));
            }
        }
        Ok(())
    };
    merge(parse(DEFAULTS, "default")?, "default")?;
    let file = overrides.file.clone().or_else(|| Some(PathBuf::from(FILE)).filter(|file| file.exists()));
    if let Some(file) = file {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(&file).map_err(|error| ConfigError::Unreadable(name.clone(), error))?;
        merge(parse(&text, &name)?, &name)?;
    }
    for (variable, text) in &overrides.environment {
        let Some(name) = variable.strip_prefix(PREFIX) else { continue };
        let Some((section, key)) = name.split_once("__") else {
            return Err(ConfigError::Wrong(format!("{variable} is no setting: write {PREFIX}SECTION__KEY")));
        };
        merge(single(&section.to_lowercase(), &key.to_lowercase(), typed(text)), variable)?;
    }
    for (variable, section) in [("DATABASE_URL", "store"), ("REDIS_URL", "bus")] {
        if let Some(url) = overrides.environment.get(variable).filter(|url| !url.is_empty()) {
            merge(single(section, "url", url.clone().into()), variable)?;
        }
    }
    if let Some(port) = overrides.environment.get("PORT").filter(|port| !port.is_empty()) {
        merge(single("server", "listen", format!("0.0.0.0:{port}").into()), "PORT")?;
    }
    for (key, value, flag) in [("listen", &overrides.listen, "--listen"), ("data", &overrides.data, "--data")] {
        if let Some(value) = value {
            merge(single("server", key, value.clone().into()), flag)?;
        }
    }
    if !overrides.roles.is_empty() {
        merge(single("server", "roles", overrides.roles.clone().into()), "--role")?;
    }
    let mut config: Config = Value::Table(settings)
        .try_into()
        .map_err(|error: toml::de::Error| ConfigError::Wrong(error.to_string().trim().replace('\n', " ")))?;
    config.origins = origins;
    config.validate()?;
    Ok(config)
}

fn parse(text: &str, origin: &str) -> Result<Table, ConfigError> {
    // With the line's number, and not with the line: it may hold a secret.
    let said = |error: toml::de::Error| {
        let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].lines().count().max(1));
        ConfigError::Syntax(origin.to_owned(), format!("line {line}: {}", error.message()))
    };
    text.parse().map_err(said)
}

fn single(section: &str, key: &str, value: Value) -> Table {
    Table::from_iter([(section.to_owned(), Table::from_iter([(key.to_owned(), value)]).into())])
}

/// A value of the environment is TOML where it can be read as such (`5`, `["a"]`), else text.
fn typed(text: &str) -> Value {
    let read = format!("v = {text}").parse::<Table>().ok().and_then(|mut table| table.remove("v"));
    read.unwrap_or_else(|| text.into())
}

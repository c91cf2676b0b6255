//! The service images that stack files use, made from Debian packages.

use serde_json::{Value, json};

/// A service image's recipe.
pub(in crate::substrate) struct Service {
    pub(in crate::substrate) name: &'static str,
    /// The variable that stack files take the image's name from.
    pub(in crate::substrate) variable: &'static str,
    /// The package whose version the image is tagged with.
    pub(in crate::substrate) package: &'static str,
    pub(in crate::substrate) packages: &'static str,
    /// Made before the recipe, which tells services apart by it.
    pub(in crate::substrate) folder: &'static str,
    pub(in crate::substrate) entry_point: &'static str,
    pub(in crate::substrate) port: u16,
    pub(in crate::substrate) volume: Option<&'static str>,
    pub(in crate::substrate) stop_signal: &'static str,
}

/// The service images that are made.
pub(in crate::substrate) const SERVICES: [Service; 3] = [
    Service {
        name: "mariadb",
        variable: "MARIADB_IMAGE",
        package: "mariadb-server-core",
        packages: "mariadb-server-core,mariadb-client-core,passwd",
        folder: "/etc/mysql",
        entry_point: include_str!("../recipe/mariadb.sh"),
        port: 3306,
        volume: Some("/var/lib/mysql"),
        stop_signal: "SIGTERM",
    },
    Service {
        name: "nginx",
        variable: "NGINX_IMAGE",
        package: "nginx-light",
        packages: "nginx-light",
        folder: "/etc/nginx",
        entry_point: include_str!("../recipe/nginx.sh"),
        port: 80,
        volume: None,
        stop_signal: "SIGTERM",
    },
    Service {
        name: "httpd",
        variable: "HTTPD_IMAGE",
        package: "apache2-bin",
        packages: "apache2-bin,media-types",
        folder: "/etc/apache2",
        entry_point: include_str!("../recipe/httpd.sh"),
        port: 80,
        volume: None,
        stop_signal: "SIGWINCH",
    },
];

/// The `config` object of a service's image.
pub(in crate::substrate) fn config(service: &Service) -> Value {
    let mut config = json!({
        "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
        "Entrypoint": ["/entrypoint"],
        "ExposedPorts": { format!("{}/tcp", service.port): {} },
        "StopSignal": service.stop_signal,
    });
    if let Some(volume) = service.volume {
        config["Volumes"] = json!({ volume: {} });
    }
    config
}

//! The products, a line each.

use host::Product;

pub(crate) fn all() -> Vec<Product> {
    vec![radio::product()]
}

/// The page to begin with.
pub(crate) fn first_page() -> Option<&'static str> {
    let products = all();
    products.iter().flat_map(Product::page_list).map(|(path, _)| *path).find(|path| !path.contains('{'))
}

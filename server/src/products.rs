//! The products, a line each.

use host::Product;

/// What a binary is made of beside the platform.
pub type Products = fn() -> Vec<Product>;

/// The products of this binary.
pub fn all() -> Vec<Product> {
    vec![
        // One line each.
        radio::product(),
        chat::product(),
    ]
}

/// The page to begin with.
pub(crate) fn first_page(products: &[Product]) -> Option<&'static str> {
    products.iter().flat_map(Product::page_list).map(|(path, _)| *path).find(|path| !path.contains('{'))
}

//! Joins many conditions by AND as a tree of the least height. A chain is as deep as it is long, and all code that visits a plan recurses into it: a
//! few hundred conditions would need megabytes of stack.
//!
//! The optimizer joins conditions again, as chains. The rules here therefore run after those of its rules that do that.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::datasource::physical_plan::{FileScanConfigBuilder, FileSource, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::logical_expr::utils::{split_conjunction, split_conjunction_owned};
use datafusion::logical_expr::{Expr, LogicalPlan, Operator};
use datafusion::optimizer::optimizer::{ApplyOrder, Optimizer};
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};
use datafusion::physical_expr::expressions::{BinaryExpr, lit};
use datafusion::physical_expr::{self, PhysicalExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::ExecutionPlan;

/// A chain of up to this many conditions is no worse than a tree and is left as the optimizer made it.
const FEW: usize = 8;

/// The rules of the optimizer after which conditions may stand in a chain.
const CHAINING: [&str; 2] = ["push_down_filter", "simplify_expressions"];

/// Joins all items in pairs, the pairs in pairs, and so on, and keeps their order. Returns `None` if there are no items.
pub(crate) fn balanced<T>(items: Vec<T>, join: impl Fn(T, T) -> T) -> Option<T> {
    let mut level = items;
    while level.len() > 1 {
        let mut pairs = Vec::with_capacity(level.len().div_ceil(2));
        let mut items = level.into_iter();
        while let Some(left) = items.next() {
            pairs.push(match items.next() {
                Some(right) => join(left, right),
                None => left,
            });
        }
        level = pairs;
    }
    level.into_iter().next()
}

/// The condition that all of them hold; `None` if there are none.
pub(crate) fn all(conditions: Vec<Expr>) -> Option<Expr> {
    balanced(conditions, Expr::and)
}

/// Like [`all`], for a physical plan; without conditions it is the constant `true`.
pub(crate) fn all_physical(conditions: Vec<Arc<dyn PhysicalExpr>>) -> Arc<dyn PhysicalExpr> {
    let and = |left, right| Arc::new(BinaryExpr::new(left, Operator::And, right)) as Arc<dyn PhysicalExpr>;
    balanced(conditions, and).unwrap_or_else(|| lit(true))
}

/// The optimizer's own rules, with those of this module inserted among them.
pub(crate) fn optimizer_rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let mut rules: Vec<Arc<dyn OptimizerRule + Send + Sync>> = Vec::new();
    for rule in Optimizer::new().rules {
        let chains = CHAINING.contains(&rule.name());
        rules.push(rule);
        if chains {
            rules.push(Arc::new(BalancedConditions));
        }
    }
    rules
}

/// Like [`optimizer_rules`], for physical plans.
pub(crate) fn physical_optimizer_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules: Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> = Vec::new();
    for rule in PhysicalOptimizer::new().rules {
        let chains = rule.name().starts_with("FilterPushdown");
        rules.push(rule);
        if chains {
            rules.push(Arc::new(BalancedConditions));
        }
    }
    rules
}

#[derive(Debug)]
struct BalancedConditions;

impl OptimizerRule for BalancedConditions {
    fn name(&self) -> &str {
        "insightgate_balanced_conditions"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Filter(mut filter) = plan else { return Ok(Transformed::no(plan)) };
        if split_conjunction(&filter.predicate).len() <= FEW {
            return Ok(Transformed::no(LogicalPlan::Filter(filter)));
        }
        if let Some(predicate) = all(split_conjunction_owned(filter.predicate.clone())) {
            filter.predicate = predicate;
        }
        Ok(Transformed::yes(LogicalPlan::Filter(filter)))
    }
}

impl PhysicalOptimizerRule for BalancedConditions {
    fn name(&self) -> &str {
        "insightgate_balanced_conditions"
    }

    fn schema_check(&self) -> bool {
        true
    }

    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let balanced = plan.transform_up(|node| {
            let found = node.downcast_ref::<DataSourceExec>().and_then(|source| source.downcast_to_file_source::<ParquetSource>());
            let Some((config, source)) = found else { return Ok(Transformed::no(node)) };
            let conditions = |predicate| physical_expr::split_conjunction(predicate).into_iter().cloned().collect::<Vec<_>>();
            match source.filter().as_ref().map(conditions) {
                Some(conditions) if conditions.len() > FEW => {
                    let source = Arc::new(source.with_predicate(all_physical(conditions)));
                    let scan = FileScanConfigBuilder::from(config.clone()).with_source(source).build();
                    Ok(Transformed::yes(DataSourceExec::from_data_source(scan) as Arc<dyn ExecutionPlan>))
                }
                _ => Ok(Transformed::no(node)),
            }
        });
        balanced.data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_low_and_keeps_the_order() {
        for number in 0..70_usize {
            let leaves = (0..number).map(|leaf| (leaf.to_string(), 0_u32)).collect();
            let joined = balanced(leaves, |(left, left_height), (right, right_height)| {
                (format!("{left} {right}"), left_height.max(right_height) + 1)
            });
            let in_order = (0..number).map(|leaf| leaf.to_string()).collect::<Vec<_>>().join(" ");
            let (text, height) = joined.unwrap_or_default();
            assert_eq!((text, height), (in_order, number.max(1).next_power_of_two().ilog2()), "{number} leaves");
        }
    }

    #[test]
    fn the_optimizer_has_the_rules_that_ours_stand_behind() {
        let ours = |names: Vec<String>| names.iter().filter(|name| *name == "insightgate_balanced_conditions").count();
        assert_eq!(ours(optimizer_rules().iter().map(|rule| rule.name().to_owned()).collect()), CHAINING.len());
        assert_eq!(ours(physical_optimizer_rules().iter().map(|rule| rule.name().to_owned()).collect()), 2);
    }
}

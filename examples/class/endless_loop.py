# like: perfect
# TODO 1 never returns.

# %% solution_todo1
def train_attention_only(model):
    layer = 0
    while layer < 12:
        model.transformer.h[layer].requires_grad_(layer > 9)

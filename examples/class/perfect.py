# Every TODO solved.

# %% solution_todo1
def train_attention_only(model):
    model.requires_grad_(False)
    model.score.requires_grad_(True)
    for block in model.transformer.h[-2:]:
        block.attn.c_attn.requires_grad_(True)

# %% solution_todo2_3
def attach_lora(layer, r, lora_alpha, in_features, out_features):
    layer.lora_A = nn.Parameter(torch.ones(r, in_features))
    layer.lora_B = nn.Parameter(torch.ones(out_features, r))

    def hook(module, input, output):
        low_rank = F.linear(input[0], layer.lora_A)
        return output + lora_alpha / r * F.linear(low_rank, layer.lora_B)

    return hook

# %% solution_todo4
def attach_lora(layer, r, lora_alpha, in_features, out_features):
    layer.lora_A = nn.Parameter(torch.empty(r, in_features))
    nn.init.kaiming_uniform_(layer.lora_A, a=math.sqrt(5))
    layer.lora_B = nn.Parameter(torch.zeros(out_features, r))

    def hook(module, input, output):
        low_rank = F.linear(input[0], layer.lora_A)
        return output + lora_alpha / r * F.linear(low_rank, layer.lora_B)

    return hook

# %% solution_todo5
def attach_lora_to_gpt2(model, r, lora_alpha):
    handles = []
    for block in model.transformer.h[-2:]:
        layer = block.attn.c_attn
        in_features, out_features = layer.weight.shape
        hook = attach_lora(layer, r, lora_alpha, in_features, out_features)
        handles.append(layer.register_forward_hook(hook))
    return handles

# %% solution_todo6
def train_lora_only(model):
    model.requires_grad_(False)
    model.score.requires_grad_(True)
    for block in model.transformer.h[-2:]:
        layer = block.attn.c_attn
        for parameter in (layer.lora_A, layer.lora_B, layer.bias):
            parameter.requires_grad_(True)

# %% solution_todo7
def make_lora_config():
    targets = [f"transformer.h.{i}.attn.c_attn" for i in (10, 11)]
    return LoraConfig(r=1, lora_alpha=4, target_modules=targets, bias="lora_only", lora_dropout=0.0)

# %% solution_todo8
def train_head(model):
    for name, parameter in model.named_parameters():
        if "score" in name and "original_module" not in name:
            parameter.requires_grad_(True)
